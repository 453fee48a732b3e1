"""The page in a real browser: it opens without an error, answers to pointer and keys, and asks no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Look = Callable[..., Any]
WIDTHS = (1280, 400)


def viewer(page: Any, number: int, what: str) -> Any:
    return page.execute_script(f"return document.querySelectorAll('[data-viewer]')[{number}].viewer.{what}")


def text(page: Any, selector: str) -> str:
    return str(page.execute_script("return document.querySelector(arguments[0]).textContent", selector))


def click(page: Any, element: Any, across: float, down: float) -> None:
    """Click at a share of an element's width and height."""
    from selenium.webdriver import ActionChains

    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
    size = element.size
    x, y = round(size["width"] * (across - 0.5)), round(size["height"] * (down - 0.5))
    ActionChains(page).move_to_element_with_offset(element, x, y).click().perform()


def keys(element: Any, *names: str) -> None:
    from selenium.webdriver import Keys

    element.send_keys(*(getattr(Keys, name) for name in names))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_its_window_and_asks_no_network(look: Look, run_folder: Path, width: int) -> None:
    page = look(run_folder, width)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    resources = page.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert [name for name in resources if not name.startswith("data:")] == []
    assert page.execute_script("return document.querySelectorAll('canvas').length") > 10
    assert page.execute_script("return document.querySelectorAll('.when-idle').length") == 0
    assert page.execute_script("return document.querySelectorAll('b, i:not(.swatch i)').length") == 0, (
        "labels ran"
    )


def test_the_policy_refuses_what_a_page_could_ask(browser: Any, run_folder: Path) -> None:
    browser.get((run_folder / "report.html").as_uri())
    refused = browser.execute_async_script(
        """
        const done = arguments[0], seen = [];
        document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
        const picture = new Image();
        picture.src = "https://isocortex.invalid/x.png";
        const end = () => setTimeout(() => done([seen, Boolean(window.ran)]), 200);
        fetch("https://isocortex.invalid/").catch(end);
        """
    )
    assert {"connect-src", "img-src", "script-src-elem"} <= set(refused[0])
    assert refused[1] is False
    browser.get_log("browser")


def test_a_click_moves_the_crosshair_and_shows_values(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    start = viewer(page, 0, "place")
    axial = page.find_elements("css selector", ".viewer .axial canvas")[0]
    click(page, axial, 0.5, 0.5)
    place = viewer(page, 0, "place")
    assert place != start
    size = viewer(page, 0, "volume.size")
    assert size == [5, 8, 4], "the mask's bounding box"
    assert place[0] == 2 and place[1] in (3, 4) and place[2] == start[2]
    # voxel of the grid: the first world axis runs against the first voxel axis
    voxel = [2 + size[0] - 1 - place[0], 1 + place[1], 2 + place[2]]
    number = ((voxel[0] - 2) * 8 + voxel[1] - 1) * 4 + voxel[2] - 2
    millimetres = ", ".join(str(axis * step) for axis, step in zip(voxel, (-3, 3, 3), strict=True))
    assert f"Voxel {voxel[0]}, {voxel[1]}, {voxel[2]} at {millimetres} mm" in text(page, ".viewer .readout")
    rows = page.execute_script(
        "return [...document.querySelector('.viewer .values tbody').rows].map((row) => row.textContent)"
    )
    assert rows[0] == f"digit <i>t</i>{number - 10}"
    assert float(rows[1].removeprefix("share")) == pytest.approx(number / 159, abs=2e-4)


def test_keys_and_sliders_move_the_crosshair(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    page.find_elements("css selector", ".viewer button")[0].click()
    assert viewer(page, 0, "place") == [0, 7, 3], "the largest amount is at the last voxel: 149 of -10 to 149"
    axial = page.find_elements("css selector", ".viewer .axial canvas")[0]
    keys(axial, "ARROW_RIGHT", "ARROW_DOWN", "ARROW_DOWN", "PAGE_DOWN")
    assert viewer(page, 0, "place") == [1, 5, 2]
    keys(page.find_elements("css selector", ".viewer .sagittal input")[0], "ARROW_RIGHT")
    assert viewer(page, 0, "place") == [2, 5, 2]


def test_the_threshold_hides_what_is_below_it(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    shown = "[...Array(160).keys()].filter((channel) => !one.hidden(iso.value(one.map, channel))).length"
    script = f"""
        const one = document.querySelectorAll('[data-viewer]')[arguments[0]].viewer;
        if (arguments[1] !== null) one.threshold.value = arguments[1];
        one.threshold.dispatchEvent(new Event('input'));
        return {shown}"""
    assert page.execute_script(script, 0, None) == 160
    assert page.execute_script(script, 0, 500) == 75, "74.5 and more of -10 to 149"
    assert page.execute_script(script, 2, None) == 160
    assert page.execute_script(script, 2, 50) == 8, "p of at most 0.05"
    kinds = text(page, "#block-4 .viewer .controls")
    assert "none for kinds" in kinds


def test_a_map_of_kinds_has_names_and_its_model_beside(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    assert "0 code <i>layer</i>" in " ".join(
        page.execute_script(
            "return [...document.querySelectorAll('#block-4 .swatch')].map((one) => one.textContent)"
        )
    )
    page.execute_script("document.querySelectorAll('[data-viewer]')[1].viewer.move([4, 0, 1])")
    assert text(page, "#block-4 .readout").endswith("best: code")
    assert viewer(page, 1, "rdms.pick.selectedOptions[0].textContent") == "models: code"


def test_the_rdm_at_the_crosshair_is_the_mean_over_subjects(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    page.execute_script("document.querySelectorAll('[data-viewer]')[0].viewer.move([4, 0, 0])")
    title = text(page, ".viewer .here p")
    assert "RDM at voxel 2, 1, 2 (mean of 2 of 2, correlation, from local)" in title
    values = "rdms.matrices[{}].at({}, {})"
    page.execute_script(
        """
        const rdms = document.querySelectorAll('[data-viewer]')[0].viewer.rdms;
        rdms.order.value = "1";
        rdms.order.dispatchEvent(new Event('change'))"""
    )
    assert viewer(page, 0, values.format(0, 0, 1)) == pytest.approx(2.0, abs=0.2), "voxel 0 and a shift of 2"
    assert viewer(page, 0, values.format(0, 2, 3)) == pytest.approx(7.0, abs=0.2)
    # the models have their conditions the other way round: their first pair, bed-house, is our last
    assert viewer(page, 0, values.format(1, 2, 3)) == 1
    assert viewer(page, 0, values.format(1, 0, 1)) == 6
    page.execute_script("document.querySelectorAll('[data-viewer]')[0].viewer.move([4, 0, 1])")
    assert "RDM at voxel 2, 1, 2, the nearest that has one, 3 mm away" in text(page, ".viewer .here p")
    assert viewer(page, 0, "centre") == [4, 0, 0], "voxel 2, 1, 2"
    assert viewer(page, 0, "slices.map((slice) => slice.marked)") == [True, True, False], "one slice below"
    page.execute_script("document.querySelectorAll('[data-viewer]')[0].viewer.move([4, 0, 0])")
    assert viewer(page, 0, "slices.some((slice) => slice.marked)") is False, "it is under the crosshair"


def test_pointing_at_an_rdm_gives_the_pair_and_its_value(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    canvas = page.find_element("css selector", ".heat canvas.matrix")
    click(page, canvas, 0.98, 0.98)
    assert text(page, ".heat .readout") == "bed – bed: the same condition"
    keys(canvas, "ARROW_UP")
    assert text(page, ".heat .readout") == "house – bed: 6"
    keys(canvas, "ARROW_UP")
    assert text(page, ".heat .readout") == "<b>dog</b> – bed: 5"
    selects = page.find_elements("css selector", ".heat select")
    selects[0].send_keys("</script>")
    assert text(page, ".heat .readout") == "<b>dog</b> – bed: 50"
    selects[1].send_keys("by label")
    assert text(page, ".heat .readout") == "bed – house: no value", "sorted: <b>dog</b>, bed, cat, house"
    keys(canvas, "ARROW_DOWN")
    assert text(page, ".heat .readout") == "cat – house: 20"
    shared = page.find_elements("css selector", ".heat input")[1]
    page.execute_script("arguments[0].click()", shared)
    assert text(page, ".heat .colourbar").startswith("1") and "50 (euclidean)" in text(
        page, ".heat .colourbar"
    )


def test_rdms_are_ordered_as_somebody_chose(look: Look, ordered_folder: Path) -> None:
    page = look(ordered_folder)
    selects = page.find_elements("css selector", ".heat select")
    assert [option.text for option in selects[1].find_elements("css selector", "option")] == [
        "as in picture",
        "as in the data",
        "by label",
        "alike rows together",
    ]
    canvas = page.find_element("css selector", ".heat canvas.matrix")
    click(page, canvas, 0.98, 0.98)
    keys(canvas, "ARROW_UP")
    assert text(page, ".heat .readout") == "<b>dog</b> – cat: 1", "the last row but one, and the last column"
    assert viewer(page, 0, "rdms.matrices[0].order") == [3, 2, 1, 0]


def test_conditions_are_grouped_as_the_rows_of_an_rdm_are_alike(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    # 0 and 2, and 1 and 3, are alike in what they differ from: the pairs 01 02 03 12 13 23
    assert page.execute_script("return iso.grouped([1, 0, 1, 1, 0, 1], 4)") == [0, 2, 1, 3]
    assert page.execute_script("return iso.grouped([NaN, 0, 1, 1, 0, 1], 4)") == [0, 2, 1, 3]
    assert page.execute_script("return iso.grouped([0.5], 2)") == [0, 1]
    page.execute_script("document.querySelectorAll('[data-viewer]')[0].viewer.rdms.match('S1: code')")
    assert viewer(page, 0, "rdms.pick.value") == "1"


def test_a_table_sorts_as_numbers_and_is_searched(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    script = """
        const tables = [...document.querySelectorAll('.block [data-table]')];
        const home = tables.find((one) => one.textContent.includes('row11'));
        if (arguments[0] === 'sort') home.querySelectorAll('th button')[1].click();
        if (arguments[0] === 'search') {
            const box = home.querySelector('input');
            box.value = 'row1';
            box.dispatchEvent(new Event('input'));
        }
        const rows = [...home.querySelector('tbody').rows].filter((row) => !row.hidden);
        return rows.map((row) => row.cells[1].textContent)"""
    assert page.execute_script(script, "")[:3] == ["3", "10", "9"]
    assert page.execute_script(script, "sort") == ["-1", *"1234567", "9", "10", "100", "n/a"]
    assert page.execute_script(script, "sort") == ["100", "10", "9", *"7654321", "-1", "n/a"]
    assert page.execute_script(script, "search") == ["10", "2", "1"], "row1, row10 and row11"


def test_kinds_have_colours_of_their_own(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    script = """
        const labels = Object.fromEntries(arguments[0].map((number) => [number, `layer ${number}`]));
        const data = Uint8Array.from(arguments[1]);
        const map = { scale: "labels", labels, data, missing: 255, offset: 0, step: 1 };
        return [...arguments[0], ...arguments[1]].map((number) => iso.colour(map, number).join())"""
    many = page.execute_script(script, list(range(1, 17)), [3, 9])
    assert len(set(many)) == 16 and many[16:] == [many[2], many[8]], "also those that do not occur"
    assert (many[0], many[15]) == ("49,54,149", "165,0,38"), "from blue to red"
    few = page.execute_script(script, [1, 2], [0, 1])
    assert len(set(few)) == 3 and few[0] == few[3] == "86,180,233", "0 has no name and comes first"


def pixel(page: Any, number: int, place: list[int]) -> list[int]:
    """Red, green, blue and alpha of a viewer's axial slice at a place, before it is made larger."""
    script = """
        const one = document.querySelectorAll('[data-viewer]')[arguments[0]].viewer;
        const place = arguments[1], slice = one.slices[2];
        one.move([...place]);
        const row = one.volume.size[1] - 1 - place[1];
        const at = 4 * (row * one.volume.size[0] + place[0]);
        return [...slice.pixels.data.slice(at, at + 4)]"""
    return [int(value) for value in page.execute_script(script, number, place)]


def test_an_anatomical_image_is_seen_behind_maps(look: Look, ordered_folder: Path, run_folder: Path) -> None:
    page = look(ordered_folder)
    assert viewer(page, 0, "volume.size") == [7, 10, 4], "as far as the image reaches, not the mask alone"
    assert "Behind the map: <b>head</b>" in text(page, ".viewer .colourbar")
    # the mask begins one voxel farther in at the left and at the back: at place 0, 0 there is only the image
    assert pixel(page, 0, [0, 0, 1]) == [30, 30, 30, 255], "the darkest"
    assert pixel(page, 0, [6, 9, 1]) == [240, 240, 240, 255], "the brightest, at the front"
    assert "outside of the mask" in text(page, ".viewer .readout")
    inside = [3, 5, 1]
    red, green, blue, _ = pixel(page, 0, inside)
    assert not red == green == blue, "the map's own colour"
    page.execute_script(
        """
        const one = document.querySelectorAll('[data-viewer]')[0].viewer;
        one.threshold.value = 1000;
        one.threshold.dispatchEvent(new Event('input'))"""
    )
    assert pixel(page, 0, inside)[:3] == [147] * 3, "5/9 of the way: what the threshold hides shows the image"
    titles = page.execute_script(
        "return [...document.querySelectorAll('.block h3')].map((h) => h.textContent)"
    )
    assert not any("behind" in title.split()[0] for title in titles), "it has no block of its own"
    page = look(run_folder)
    assert pixel(page, 0, [0, 0, 1])[3] in (0, 255) and "Behind" not in text(page, ".viewer .colourbar")


def test_a_wide_picture_can_be_had_in_full_size(look: Look, ordered_folder: Path) -> None:
    for width in WIDTHS:
        page = look(ordered_folder, width)
        button = page.find_element("css selector", "#block-1 .enlarge")
        measure = """
            const picture = document.querySelector('#block-1 .picture img');
            return [picture.clientWidth, document.documentElement.scrollWidth]"""
        assert page.execute_script(measure)[0] < width
        button.send_keys(" ")  # by key
        assert button.text == "Fit the page" and button.get_attribute("aria-pressed") == "true"
        picture, whole = page.execute_script(measure)
        assert picture == 3000 and whole <= width, "the picture scrolls in its place, not the page"
        button.send_keys(" ")
        assert page.execute_script(measure)[0] < width


def test_letters_of_slices_are_as_large_on_a_phone(look: Look, run_folder: Path) -> None:
    for width in WIDTHS:
        page = look(run_folder, width)
        scales = viewer(page, 0, "slices.map((slice) => slice.canvas.width / slice.canvas.clientWidth)")
        assert scales == pytest.approx([2, 2, 2], abs=0.1)
        sizes = viewer(page, 0, "slices.map((slice) => slice.canvas.clientHeight / slice.canvas.clientWidth)")
        drawn = viewer(page, 0, "slices.map((slice) => slice.canvas.height / slice.canvas.width)")
        assert sizes == pytest.approx(drawn, rel=0.03)


def test_names_of_many_conditions_do_not_overlap(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    script = """
        const canvas = document.createElement('canvas');
        document.querySelector('.heat').append(canvas);
        const names = Array.from({ length: arguments[0] }, (_, index) => `picture ${index}`);
        const matrix = new iso.Matrix(canvas, names, () => {}, true);
        matrix.show(() => 1, [0, 2]);
        canvas.remove();
        return [matrix.margin > 0, matrix.every, (canvas.width - matrix.margin) / names.length]"""
    for count in (4, 92):
        labelled, every, cell = page.execute_script(script, count)
        assert labelled and every * cell >= 20 and (every == 1 or (every - 1) * cell < 20)
    assert page.execute_script(script, 400)[0] is False


def test_text_can_be_read_in_light_and_dark(look: Look, run_folder: Path) -> None:
    """Contrast of 4.5 to 1 and more (WCAG 2.2, 1.4.3) for each colour of text on each ground it stands on."""
    page = look(run_folder)
    script = """
        const light = (rgb) => {
          const bent = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
          const parts = rgb.map((part) => bent(part / 255));
          return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
        };
        const contrast = (one, other) => {
          const [a, b] = [light(iso.rgb(one)), light(iso.rgb(other))].sort((x, y) => y - x);
          return (a + 0.05) / (b + 0.05);
        };
        const long = (hex) => (hex.length === 4 ? `#${[...hex.slice(1)].map((c) => c + c).join('')}` : hex);
        document.documentElement.dataset.theme = arguments[0];
        const pairs = [["--ink", "--paper"], ["--ink", "--card"], ["--soft", "--paper"], ["--soft", "--card"],
          ["--accent", "--paper"], ["--accent", "--card"], ["--bad", "--bad-bg"], ["--bad", "--card"],
          ["--warn", "--warn-bg"], ["--ink", "--warn-bg"], ["--ink", "--bad-bg"], ["--soft", "--warn-bg"],
          ["--accent", "--warn-bg"], ["--fine", "--paper"], ["--fine", "--card"], ["--warn", "--card"]];
        const colour = (name) => long(iso.style(name));
        return pairs.map((pair) => [pair.join(" on "), contrast(...pair.map(colour))]);"""
    for theme in ("light", "dark"):
        low = [pair for pair in page.execute_script(script, theme) if pair[1] < 4.5]
        assert not low, f"{theme}: {low}"


def test_papers_have_addresses_that_are_only_followed_by_a_click(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    links = page.execute_script("return [...document.querySelectorAll('.sources a')].map((one) => one.href)")
    assert "https://doi.org/10.3389/neuro.06.004.2008" in links


def test_light_and_dark(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    paper = "return getComputedStyle(document.body).backgroundColor"
    pixel = """
        const canvas = document.querySelector('.viewer .axial canvas');
        return getComputedStyle(canvas).backgroundColor"""
    light = page.execute_script(paper), page.execute_script(pixel)
    button = page.find_element("id", "theme")
    assert button.text == "Dark"
    button.click()
    dark = page.execute_script(paper), page.execute_script(pixel)
    assert button.text == "Light" and button.get_attribute("aria-pressed") == "true"
    assert light[0] != dark[0] and light[1] != dark[1]
    button.click()
    assert (page.execute_script(paper), page.execute_script(pixel)) == light


def test_the_page_follows_the_system_until_it_is_told_otherwise(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = page.execute_script(paper)
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [dark]})
    try:
        assert page.execute_script(paper) != light
        button = page.find_element("id", "theme")
        assert button.text == "Light"
        button.click()
        assert page.execute_script(paper) == light
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [dark]})
        assert page.execute_script(paper) == "rgb(255, 255, 255)"
        assert page.execute_script("return getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_everything_that_acts_has_a_name_and_is_reached_by_keys(look: Look, run_folder: Path) -> None:
    page = look(run_folder)
    nameless = page.execute_script(
        """
        const named = (one) =>
            one.getAttribute("aria-label") || one.textContent.trim() || one.closest("label");
        return [...document.querySelectorAll("button, select, input, a[href], [tabindex='0']")]
            .filter((one) => !named(one)).map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    assert (
        page.execute_script("return [...document.images].filter((one) => !one.hasAttribute('alt')).length")
        == 0
    )
    reached = page.execute_script(
        "return [...document.querySelectorAll('.slices canvas, .matrix')].every((one) => one.tabIndex === 0)"
    )
    assert reached


def test_a_failed_run_says_so_at_the_top(look: Look, failed_folder: Path) -> None:
    page = look(failed_folder, 400)
    notice = text(page, "#overview .notice.failed")
    assert "bad: ValueError: no <b>good</b>" in " ".join(notice.split())
    assert "after was not run because of that" in " ".join(notice.split())
    assert page.execute_script("return document.documentElement.scrollWidth") <= 400
