"""The running sums: for every centre and pair, a sum over the sphere of a product or squared difference.

A sphere is a stack of runs along z. For each pair of conditions and plane the element-wise product is made,
then the sums over runs of each length that the sphere has, each from the one before; they lie in a ring of
planes that stays in the second-level cache. A sphere's sum is then the sum of one number a run, so that the
cost of a centre grows with the square of the radius, not the cube. Sums of runs are never made by
subtraction, so nothing outside a sphere can reach its result.

Indices are unsigned and loops long and flat, since only then does LLVM leave out the wrap-around test and
vectorise. Rounding may be reordered, but NaN and infinity are respected (no ``nnan``, ``ninf``).

Nothing here makes threads: each kernel lets go of Python's lock and is called from several (see ``threads``),
which compiles several times faster than numba's own parallel loops and never fights with those of BLAS.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FAST = {"contract", "reassoc", "nsz", "arcp"}


@njit(fastmath=FAST, cache=True)
def _product(a, b, plane, first):
    """plane (+)= a * b."""
    if first:
        for z in range(plane.size):
            plane[z] = a[z] * b[z]
    else:
        for z in range(plane.size):
            plane[z] += a[z] * b[z]


@njit(fastmath=FAST, cache=True)
def _difference(a, b, c, d, plane, first):
    """plane (+)= (a - b) * (c - d)."""
    if first:
        for z in range(plane.size):
            plane[z] = (a[z] - b[z]) * (c[z] - d[z])
    else:
        for z in range(plane.size):
            plane[z] += (a[z] - b[z]) * (c[z] - d[z])


@njit(fastmath=FAST, cache=True)
def _runs(plane, levels, out):
    """out[l, z] = sum of plane[z : z + levels[l]], each level from the one before."""
    n = plane.size
    for level in range(levels.size):
        cur = out[level]
        if level == 0:
            m = n - levels[0] + 1
            for z in range(n):
                cur[z] = plane[z]
            for step in range(1, levels[0]):
                shifted = plane[step:]
                for z in range(m):
                    cur[z] += shifted[z]
        else:
            before = out[level - 1]
            start, stop = levels[level - 1], levels[level]
            m = n - stop + 1
            if stop - start == 2:
                p, q = plane[start:], plane[start + 1 :]
                for z in range(m):
                    cur[z] = before[z] + (p[z] + q[z])
            else:
                for z in range(m):
                    cur[z] = before[z]
                for step in range(start, stop):
                    shifted = plane[step:]
                    for z in range(m):
                        cur[z] += shifted[z]


@njit(fastmath=FAST, cache=True)
def _add8(ring, base, c, m, acc, first):
    """acc[:m] (+)= the eight runs that begin at base[c : c + 8]."""
    b0, b1, b2, b3 = base[c], base[c + 1], base[c + 2], base[c + 3]
    b4, b5, b6, b7 = base[c + 4], base[c + 5], base[c + 6], base[c + 7]
    if first:
        for z in range(m):
            acc[z] = ((ring[b0 + z] + ring[b1 + z]) + (ring[b2 + z] + ring[b3 + z])) + (
                (ring[b4 + z] + ring[b5 + z]) + (ring[b6 + z] + ring[b7 + z])
            )
    else:
        for z in range(m):
            acc[z] += ((ring[b0 + z] + ring[b1 + z]) + (ring[b2 + z] + ring[b3 + z])) + (
                (ring[b4 + z] + ring[b5 + z]) + (ring[b6 + z] + ring[b7 + z])
            )


@njit(fastmath=FAST, cache=True, inline="always")
def _one_plane(a, b, c, d, x, difference, plane):
    """plane = what is summed over voxels, of plane x, already summed over parts."""
    for p in range(a.shape[0]):
        if difference:
            _difference(a[p, x], b[p, x], c[p, x], d[p, x], plane, p == 0)
        else:
            _product(a[p, x], d[p, x], plane, p == 0)


@njit(cache=True, inline="always")
def _begin(runs, x, start, nz, planes, size, area, base):
    """base = where in the ring each run of the sphere begins, for centres of plane x from ``start`` on."""
    for r in range(runs.shape[0]):
        if runs[r, 3] < 0:
            base[r] = np.uint64(planes * size)
        else:
            slot = ((x + runs[r, 0]) % planes) * size
            base[r] = np.uint64(slot + runs[r, 3] * area + start + runs[r, 1] * nz + runs[r, 2])


@njit(cache=True, inline="always")
def _take(source, target, whole, index):
    """target = the sums of one row of centres: all in a line (``whole``), or those at an index."""
    if whole:
        for z in range(target.size):
            target[z] = source[z]
    else:
        for z in range(target.size):
            target[z] = source[index[z]]


@njit(nogil=True, cache=True)
def finish_correlation(values, first, second, sums, scale, per_count, snap):
    """values (pairs, centres) = 1 - r, from sums of products.

    ``sums``: sum of each condition, ``scale``: one over its length, ``per_count``: one over the number of
    voxels, at each centre. In this order of arithmetic, which nothing may change, both orders of a pair are
    one number, so that exact ties stay ties; and what rounding leaves of 0 and 2 (closer than ``snap``) is
    set to them, or it would be ranked as if it had been measured.
    """
    for k in range(first.size):
        line, sa, sb = values[k], sums[first[k]], sums[second[k]]
        ia, ib = scale[first[k]], scale[second[k]]
        for v in range(line.size):
            u = 1 - (line[v] - sa[v] * sb[v] * per_count[v]) * (ia[v] * ib[v])
            line[v] = 0 if u < snap else 2 if u > 2 - snap else u


@njit(nogil=True, cache=True)
def finish_cosine(values, first, second, sums, scale, per_count, snap):
    """values (pairs, centres) = 1 - cosine, likewise."""
    for k in range(first.size):
        line, ia, ib = values[k], scale[first[k]], scale[second[k]]
        for v in range(line.size):
            u = 1 - line[v] * (ia[v] * ib[v])
            line[v] = 0 if u < snap else 2 if u > 2 - snap else u


@njit(fastmath=FAST, nogil=True, cache=True)
def sphere_sums(
    left, right, first, second, difference, x0, x1, before, after, lead, runs, levels,
    row_start, rows, first_z, last_z, dense, inside, offset, out,
):  # fmt: skip
    """out[k, centre] = sphere sum for the pair (first[k], second[k]), for centres of the planes x0 to x1.

    left, right : (conditions, parts, x, y, z), padded; what is summed over parts and voxels is the product
    left[first] * right[second], or with ``difference`` (left[first] - left[second]) * (right[first] -
    right[second]). lead : padding before the first z.
    runs : (n, 4) of (dx, dy, dz, level), n a multiple of 8, level -1 for a filler. offset : index of the
    first centre of plane x0.
    """
    n_cond, n_parts, nx, ny, nz = left.shape
    lefts = left.reshape((n_cond, n_parts, nx, ny * nz))
    rights = right.reshape((n_cond, n_parts, nx, ny * nz))
    area = ny * nz
    planes = before + after + 1
    size = levels.size * area
    ring = np.zeros(planes * size + 2 * area, left.dtype)
    acc = np.empty(area, left.dtype)
    plane = np.empty(area, left.dtype)
    base = np.empty(runs.shape[0], np.uint64)
    for k in range(first.size):
        a, b, c, d = lefts[first[k]], lefts[second[k]], rights[first[k]], rights[second[k]]
        line = out[k]
        done = x0 - before
        for x in range(x0, x1):
            if row_start[x] == row_start[x + 1]:
                continue
            while done <= x + after:
                if done >= x - before:
                    _one_plane(a, b, c, d, done, difference, plane)
                    slot = (done % planes) * size
                    _runs(plane, levels, ring[slot : slot + size].reshape((levels.size, area)))
                done += 1
            ya, yb = rows[row_start[x]], rows[row_start[x + 1] - 1] + 1
            m = np.uint64((yb - ya) * nz - lead)
            _begin(runs, x, ya * nz + lead, nz, planes, size, area, base)
            for r in range(0, runs.shape[0], 8):
                _add8(ring, base, r, m, acc, r == 0)
            for row in range(row_start[x], row_start[x + 1]):
                d0, d1 = dense[row] - offset, dense[row + 1] - offset
                f = (rows[row] - ya) * nz + first_z[row] - lead
                whole = d1 - d0 == last_z[row] - first_z[row]
                _take(acc[f:], line[d0:d1], whole, inside[dense[row] : dense[row + 1]])


@njit(nogil=True, cache=True)
def spread(total, square, count, share, start, stop, scale, close):
    """scale (conditions, centres) = one over the root of each pattern's sum of squares about its mean.

    close (centres,) is set where that sum is no more than a share of the sum of squares: too few digits.
    """
    for i in range(total.shape[0]):
        t, q, out = total[i], square[i], scale[i]
        for v in range(start, stop):
            rest = q[v] - t[v] * t[v] / count[v] if count[v] > 0 else q[v] * 0
            if not rest > share * q[v]:
                close[v] = True
            out[v] = 1 / np.sqrt(rest) if rest > 0 else q[v] * 0


@njit(nogil=True, cache=True)
def smallest(values, above, start, stop, out):
    """out (centres,) = smallest value over pairs of those above a number; as it was where there is none."""
    low = out[start:stop]
    for k in range(values.shape[0]):
        line = values[k, start:stop]
        for v in range(low.size):
            u = line[v]
            low[v] = u if (u > above) & (u < low[v]) else low[v]


FINE, NOT_FINITE, CONSTANT = 0, 1, 2
"""What a voxel is: see ``survey``."""


@njit(nogil=True, cache=True)
def survey(data, x0, x1, out):
    """out (x, y, z) = what the values (x, y, z, n) of each voxel are, for the planes x0 to x1."""
    n = data.shape[3]
    for x in range(x0, x1):
        for y in range(data.shape[1]):
            for z in range(data.shape[2]):
                v = data[x, y, z]
                moves, finite = 0, 1
                for i in range(n):
                    moves |= v[i] != v[0]
                    finite &= np.isfinite(v[i])
                if not finite:
                    out[x, y, z] = NOT_FINITE
                elif not moves and n > 1:
                    out[x, y, z] = CONSTANT


@njit(nogil=True, cache=True)
def load_box(data, members, centre, voxelwise, low, before, x0, x1, out):
    """Copy (x, y, z, n) data into a padded box (n + 1, x, y, z), centred, zero outside the members.

    Each condition's ``centre`` is taken away, or (voxelwise) each voxel's own mean over conditions. The last
    of out is the members themselves, so that a sum of products with it counts or sums them.
    """
    n = centre.size
    for x in range(x0, x1):
        px = x - low[0] + before[0]
        if px < 0 or px >= out.shape[1]:
            continue
        for y in range(members.shape[1]):
            for z in range(members.shape[2]):
                if members[x, y, z]:
                    source = data[x, y, z]
                    py, pz = y - low[1] + before[1], z - low[2] + before[2]
                    mean = 0.0
                    if voxelwise:
                        for i in range(n):
                            mean += source[i]
                        mean /= n
                    for i in range(n):
                        out[i, px, py, pz] = source[i] - (mean if voxelwise else centre[i])
                    out[n, px, py, pz] = 1
