"use strict";
/* A volume inside a mask, and three slices through it. World axes: 0 left to right, 1 back to front, 2 down to up. */
iso.Volume = class {
  constructor(data) {
    Object.assign(this, data);
    const bytes = Uint8Array.from(atob(data.mask), (character) => character.charCodeAt(0));
    const length = this.shape[0] * this.shape[1] * this.shape[2];
    this.channel = new Int32Array(length).fill(-1);
    let count = 0;
    for (let at = 0; at < length; at += 1) {
      if (bytes[at >> 3] & (128 >> (at & 7))) {
        this.channel[at] = count;
        count += 1;
      }
    }
    this.size = this.axis.map((voxelAxis) => this.shape[voxelAxis]);
    this.edge = this.axis.map((voxelAxis) => this.sizes[voxelAxis]);
    this.behind = data.anatomy ? iso.shared(data.anatomy) : null;
  }

  /* Grey of the anatomical image (0 to 255), or -1 where there is none. */
  grey(place) {
    if (!this.behind) return -1;
    const { shape, start } = this.behind;
    const [x, y, z] = this.voxel(place).map((index, axis) => index - start[axis]);
    if (x < 0 || y < 0 || z < 0 || x >= shape[0] || y >= shape[1] || z >= shape[2]) return -1;
    const value = iso.value(this.behind, (x * shape[1] + y) * shape[2] + z);
    const { low, high } = this.behind;
    return Number.isNaN(value) ? -1 : Math.round(30 + (210 * (value - low)) / (high - low || 1));
  }

  /* Number of a voxel among those of the mask, or -1; `place` counts along the world axes. */
  at(place) {
    const voxel = this.inside(place);
    return this.channel[(voxel[0] * this.shape[1] + voxel[1]) * this.shape[2] + voxel[2]];
  }

  inside(place) {
    const voxel = [0, 0, 0];
    this.axis.forEach((voxelAxis, world) => { voxel[voxelAxis] = this.flip[world] ? this.size[world] - 1 - place[world] : place[world]; });
    return voxel;
  }

  voxel(place) {
    return this.inside(place).map((index, axis) => index + this.start[axis]);
  }

  placeOf(voxel) {
    return this.axis.map((voxelAxis, world) => {
      const at = voxel[voxelAxis] - this.start[voxelAxis];
      return this.flip[world] ? this.size[world] - 1 - at : at;
    });
  }

  millimetres(place) {
    const voxel = [...this.voxel(place), 1];
    return this.affine.slice(0, 3).map((row) => row.reduce((sum, factor, axis) => sum + factor * voxel[axis], 0));
  }

  /* Place of a voxel number; the middle of the box where there is none. */
  place(channel) {
    const at = this.channel.indexOf(channel);
    if (at < 0) return this.size.map((length) => length >> 1);
    const voxel = [Math.floor(at / (this.shape[1] * this.shape[2])), Math.floor(at / this.shape[2]) % this.shape[1], at % this.shape[2]];
    return this.axis.map((voxelAxis, world) => (this.flip[world] ? this.size[world] - 1 - voxel[voxelAxis] : voxel[voxelAxis]));
  }
};

/* One slice: `across` and `up` are the world axes that are seen, `through` the one that is cut. */
iso.Slice = class {
  constructor(viewer, title, across, up, through) {
    Object.assign(this, { viewer, title, across, up, through, margin: 34 }); /* the margin is for the letters */
    this.canvas = iso.element("canvas", { tabIndex: 0, role: "application" });
    this.slider = iso.element("input", { type: "range", min: 0, max: viewer.volume.size[through] - 1, ariaLabel: `${title} slice` });
    this.slider.addEventListener("input", () => this.go(through, Number(this.slider.value)));
    this.canvas.addEventListener("pointerdown", (event) => this.point(event));
    this.canvas.addEventListener("pointermove", (event) => { if (event.buttons) this.point(event); });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    const { size, edge } = viewer.volume;
    this.width = size[across] * edge[across];
    this.height = size[up] * edge[up];
    const scale = 640 / Math.max(...size.map((length, axis) => length * edge[axis]));
    this.resize(Math.max(1, Math.round(this.width * scale)) + 2 * this.margin);
    this.picture = iso.element("canvas", { width: size[across], height: size[up] });
  }

  /* Two pixels for each of CSS's: so the letters are as large on a small screen as on a large one. */
  fit() {
    const wide = 2 * Math.min(this.canvas.clientWidth, 800);
    if (wide > 3 * this.margin && wide !== this.canvas.width) this.resize(wide);
  }

  resize(wide) {
    this.canvas.width = wide;
    this.canvas.height = Math.max(1, Math.round(((wide - 2 * this.margin) * this.height) / this.width)) + 2 * this.margin;
  }

  go(axis, index) {
    const place = [...this.viewer.place];
    place[axis] = Math.max(0, Math.min(this.viewer.volume.size[axis] - 1, index));
    this.viewer.move(place);
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const { size } = this.viewer.volume;
    const place = [...this.viewer.place];
    const index = (part, whole, length) => Math.max(0, Math.min(length - 1, Math.floor(((part * whole - this.margin) / (whole - 2 * this.margin)) * length)));
    place[this.across] = index((event.clientX - box.left) / box.width, this.canvas.width, size[this.across]);
    place[this.up] = size[this.up] - 1 - index((event.clientY - box.top) / box.height, this.canvas.height, size[this.up]);
    this.viewer.move(place);
  }

  key(event) {
    const moves = { ArrowLeft: [this.across, -1], ArrowRight: [this.across, 1], ArrowDown: [this.up, -1], ArrowUp: [this.up, 1], PageDown: [this.through, -1], PageUp: [this.through, 1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    this.go(move[0], this.viewer.place[move[0]] + move[1]);
  }

  draw() {
    this.fit();
    const { volume, place } = this.viewer;
    const [width, height] = [volume.size[this.across], volume.size[this.up]];
    const context = this.picture.getContext("2d");
    const pixels = context.createImageData(width, height);
    const grey = iso.rgb(this.viewer.maskColour);
    const seen = [...place];
    const inMask = new Uint8Array(width * height);
    for (let row = 0; row < height; row += 1) {
      seen[this.up] = height - 1 - row;
      for (let column = 0; column < width; column += 1) {
        seen[this.across] = column;
        const [channel, at] = [volume.at(seen), row * width + column];
        const anatomy = volume.grey(seen);
        if (channel >= 0) inMask[at] = 1;
        else if (anatomy < 0) continue;
        const own = channel >= 0 ? this.viewer.colour(channel) : null;
        pixels.data.set(own || (anatomy >= 0 ? [anatomy, anatomy, anatomy] : grey), 4 * at);
        pixels.data[4 * at + 3] = 255;
      }
    }
    context.putImageData(pixels, 0, 0);
    this.pixels = pixels;
    this.paint(inMask, width, height);
    this.slider.value = String(place[this.through]);
    this.canvas.setAttribute("aria-label", `${this.title} slice ${place[this.through] + 1} of ${volume.size[this.through]}; arrow keys move the crosshair`);
  }

  paint(inMask, width, height) {
    const context = this.canvas.getContext("2d");
    const [wide, high] = [this.canvas.width - 2 * this.margin, this.canvas.height - 2 * this.margin];
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.letters(context);
    context.translate(this.margin, this.margin);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.picture, 0, 0, wide, high);
    const [stepX, stepY] = [wide / width, high / height];
    context.beginPath();
    for (let row = 0; row <= height; row += 1) {
      for (let column = 0; column <= width; column += 1) {
        const here = row < height && column < width && inMask[row * width + column];
        const left = row < height && column > 0 && inMask[row * width + column - 1];
        const above = column < width && row > 0 && inMask[(row - 1) * width + column];
        if (row < height && Boolean(here) !== Boolean(left)) { context.moveTo(column * stepX, row * stepY); context.lineTo(column * stepX, (row + 1) * stepY); }
        if (column < width && Boolean(here) !== Boolean(above)) { context.moveTo(column * stepX, row * stepY); context.lineTo((column + 1) * stepX, row * stepY); }
      }
    }
    context.strokeStyle = this.viewer.edgeColour;
    context.lineWidth = 1;
    context.stroke();
    this.cross(context, stepX, stepY, [wide, high], height);
    this.mark(context, stepX, stepY, height);
  }

  /* A dashed square around the voxel whose RDM is shown, where it is another and lies in this slice. */
  mark(context, stepX, stepY, height) {
    const { centre, place } = this.viewer;
    this.marked = Boolean(centre) && centre[this.through] === place[this.through] && centre.some((at, axis) => at !== place[axis]);
    if (!this.marked) return;
    context.beginPath();
    context.rect(centre[this.across] * stepX, (height - 1 - centre[this.up]) * stepY, stepX, stepY);
    context.setLineDash([6, 4]);
    for (const [colour, thickness] of [[iso.style("--canvas"), 4.5], [iso.style("--cross"), 1.8]]) {
      context.strokeStyle = colour;
      context.lineWidth = thickness;
      context.stroke();
    }
    context.setLineDash([]);
  }

  cross(context, stepX, stepY, [wide, high], height) {
    const { place } = this.viewer;
    const [x, y] = [(place[this.across] + 0.5) * stepX, (height - 0.5 - place[this.up]) * stepY];
    const gap = Math.max(stepX, stepY) * 0.8;
    context.beginPath();
    for (const [fromX, fromY, toX, toY] of [[0, y, x - gap, y], [x + gap, y, wide, y], [x, 0, x, y - gap], [x, y + gap, x, high]]) {
      if (toX < fromX || toY < fromY) continue; /* at the edge the gap reaches out */
      context.moveTo(fromX, fromY);
      context.lineTo(toX, toY);
    }
    context.rect(place[this.across] * stepX, (height - 1 - place[this.up]) * stepY, stepX, stepY);
    /* a light line in a dark one is seen on any colour */
    for (const [colour, thickness] of [[iso.style("--canvas"), 4.5], [iso.style("--cross"), 1.8]]) {
      context.strokeStyle = colour;
      context.lineWidth = thickness;
      context.stroke();
    }
  }

  letters(context) {
    const ends = [["L", "R"], ["P", "A"], ["I", "S"]];
    const [width, height] = [this.canvas.width, this.canvas.height];
    context.font = "600 22px system-ui, sans-serif";
    context.fillStyle = iso.style("--soft");
    [context.textAlign, context.textBaseline] = ["center", "middle"];
    context.fillText(ends[this.across][0], this.margin / 2, height / 2);
    context.fillText(ends[this.across][1], width - this.margin / 2, height / 2);
    context.fillText(ends[this.up][1], width / 2, this.margin / 2 + 1);
    context.fillText(ends[this.up][0], width / 2, height - this.margin / 2 + 1);
  }
};
