"use strict";
/* The slice viewer: maps by a select, a threshold, three slices, the values and the RDM under the crosshair. */
iso.Viewer = class {
  constructor(home) {
    const data = iso.payload(home.dataset.viewer);
    this.maps = data.maps;
    this.volume = new iso.Volume(data);
    this.pick = iso.options(this.maps.map((map) => map.name), "Map");
    this.threshold = iso.element("input", { type: "range", min: 0, max: 1000, value: 0 });
    this.limit = iso.element("output");
    this.slices = [["Sagittal", 1, 2, 0], ["Coronal", 0, 2, 1], ["Axial", 0, 1, 2]].map((part) => new iso.Slice(this, ...part));
    this.legend = iso.element("div", { className: "colourbar" });
    this.readout = iso.element("p", { className: "readout", ariaLive: "polite" });
    this.values = iso.element("tbody");
    this.rdms = data.rdms ? new iso.VoxelRDMs(iso.shared(data.rdms), this.volume) : null;
    this.build(home);
    this.choose();
    this.move(this.peak());
    iso.redraws.push(() => this.draw());
    home.viewer = this;
  }

  build(home) {
    const peak = iso.element("button", { type: "button" }, "Go to the peak");
    peak.addEventListener("click", () => this.move(this.peak()));
    this.pick.addEventListener("change", () => this.choose());
    this.threshold.addEventListener("input", () => this.draw());
    const label = iso.element("span", {}, "Threshold ", this.limit);
    const controls = iso.element("div", { className: "controls" }, iso.labelled("Map", this.pick), iso.labelled(label, this.threshold, "grow"), peak);
    const row = iso.element("div", { className: "slices" });
    /* columns as wide as their slices: one scale for all three */
    this.slices.slice(0, 2).forEach((slice, index) => row.style.setProperty(["--side", "--front"][index], `${slice.canvas.width}fr`));
    for (const slice of this.slices) {
      row.append(iso.element("div", { className: slice.title.toLowerCase() }, slice.title, slice.canvas, slice.slider));
    }
    const table = iso.element("table", {}, iso.element("thead", {}, iso.element("tr", {}, iso.element("th", { scope: "col" }, "map"), iso.element("th", { scope: "col", className: "number" }, "here"))), this.values);
    const here = iso.element("div", {}, this.readout, iso.element("div", { className: "scroll values", tabIndex: 0, role: "region", ariaLabel: "Values of all maps here" }, table));
    const below = iso.element("div", { className: "below" }, here);
    if (this.rdms) below.append(this.rdms.home);
    home.replaceChildren(controls, row, this.legend, below);
  }

  get map() {
    return this.maps[Number(this.pick.value)];
  }

  choose() {
    iso.decode(this.map);
    this.threshold.disabled = this.map.scale === "labels";
    this.threshold.value = this.map.scale === "p" ? "1000" : "0";
    if (this.rdms) this.rdms.match(this.map.name);
    this.draw();
  }

  /* The largest amount, or the smallest p. */
  peak() {
    let [best, where] = [-Infinity, 0];
    for (let channel = 0; channel < this.volume.voxels; channel += 1) {
      const value = iso.value(this.map, channel);
      const score = this.map.scale === "p" ? -value : Math.abs(value);
      if (score > best) [best, where] = [score, channel];
    }
    return this.volume.place(where);
  }

  cut() {
    const part = Number(this.threshold.value) / 1000;
    const { scale, low, high } = this.map;
    if (scale === "labels") return 0;
    return part * (scale === "p" ? high : Math.max(Math.abs(low), Math.abs(high)));
  }

  hidden(value) {
    if (Number.isNaN(value)) return true;
    if (this.map.scale === "labels") return false;
    /* codes are rounded: what lies at the threshold stays */
    const slack = this.map.error;
    return this.map.scale === "p" ? value > this.limitNow + slack : Math.abs(value) < this.limitNow - slack;
  }

  colour(channel) {
    const value = iso.value(this.map, channel);
    return this.hidden(value) ? null : iso.colour(this.map, value);
  }

  move(place) {
    this.place = place;
    this.draw();
  }

  draw() {
    if (!this.place) this.place = this.volume.size.map((length) => length >> 1);
    this.limitNow = this.cut();
    [this.maskColour, this.edgeColour] = [iso.style("--mask"), iso.style("--edge")];
    const sign = { p: "p ≤ ", labels: "" }[this.map.scale] ?? "|value| ≥ ";
    this.limit.textContent = this.map.scale === "labels" ? "(none for kinds)" : sign + iso.number(this.limitNow);
    this.centre = this.rdms ? this.volume.placeOf(this.rdms.voxelNear(this.volume.voxel(this.place))) : null;
    this.slices.forEach((slice) => slice.draw());
    this.drawLegend();
    this.tell();
  }

  drawLegend() {
    const map = this.map;
    if (!map.known) {
      this.legend.replaceChildren("No voxel of this map has a value.");
      return;
    }
    if (map.scale === "labels") {
      this.legend.replaceChildren(`${map.statistic}: `, ...iso.places(map).map((number) => {
        const swatch = iso.element("i");
        swatch.style.background = `rgb(${iso.colour(map, number).join(",")})`;
        return iso.element("span", { className: "swatch" }, swatch, this.word(map, number));
      }));
      return;
    }
    const [low, high] = iso.ends(map);
    const bar = iso.element("canvas", { role: "img", ariaLabel: `Colours from ${iso.number(low)} to ${iso.number(high)}` });
    const grey = iso.rgb(this.maskColour);
    const steps = Array.from({ length: 192 }, (_, index) => low + ((high - low) * index) / 191);
    iso.bar(bar, steps.map((value) => (this.hidden(value) ? grey : iso.colour(map, value))));
    this.legend.replaceChildren(iso.number(low), bar, `${iso.number(high)} (${map.statistic})`);
    if (this.volume.behind) this.legend.append(iso.element("span", { className: "soft" }, `Behind the map: ${this.volume.behind.name}`));
  }

  word(map, value) {
    const name = Number.isNaN(value) ? undefined : map.labels[String(value)];
    return name === undefined ? iso.number(value) : name;
  }

  tell() {
    const channel = this.volume.at(this.place);
    const voxel = this.volume.voxel(this.place).join(", ");
    const world = this.volume.millimetres(this.place).map((value) => iso.number(Math.round(value * 10) / 10)).join(", ");
    const value = channel < 0 ? NaN : iso.value(this.map, channel);
    const found = channel < 0 ? "outside of the mask" : `${this.map.name}: ${this.word(this.map, value)}${this.hidden(value) && !Number.isNaN(value) ? " (beyond the threshold)" : ""}`;
    this.readout.textContent = `Voxel ${voxel} at ${world} mm. ${found}`;
    this.values.replaceChildren(...this.maps.map((map, index) => {
      const text = channel < 0 ? "–" : this.word(map, iso.value(map, channel));
      const row = iso.element("tr", {}, iso.element("td", {}, map.name), iso.element("td", { className: "number" }, text));
      if (index === Number(this.pick.value)) row.style.fontWeight = "600";
      return row;
    }));
    if (!this.rdms) return;
    if (this.map.scale === "labels") this.rdms.match(this.word(this.map, value));
    this.rdms.show(this.volume.voxel(this.place));
  }
};

/* The RDM of the voxel nearest to the crosshair, beside a model RDM. */
iso.VoxelRDMs = class {
  constructor(data, volume) {
    Object.assign(this, { data, volume });
    this.centres = new Uint16Array(Uint8Array.from(atob(data.centres), (character) => character.charCodeAt(0)).buffer);
    this.pairs = (data.conditions.length * (data.conditions.length - 1)) / 2;
    this.pick = iso.options(data.models.map((model) => model.name), "Model RDM");
    this.ranked = iso.element("input", { type: "checkbox" });
    this.title = iso.element("p");
    const tell = iso.element("p", { className: "readout", ariaLive: "polite" }, "Point at a cell to read the pair.");
    const canvases = ["RDM here", "Model RDM"].map((name) => iso.element("canvas", { role: "application", ariaLabel: `${name}; arrow keys move over the pairs` }));
    this.matrices = canvases.map((canvas) => new iso.Matrix(canvas, data.conditions, (text) => { tell.textContent = text; }));
    this.ways = iso.orders(data.conditions, data.order, data.models.length ? "as the model groups them" : "");
    this.order = iso.options(this.ways.map(([name]) => name), "Order of the conditions");
    [this.pick, this.ranked, this.order].forEach((control) => control.addEventListener("change", () => this.draw()));
    this.home = iso.element("div", { className: "here" }, this.title, iso.element("div", { className: "controls" }, iso.labelled("Model beside it", this.pick), iso.labelled("Order", this.order), iso.labelled("Ranks", this.ranked, "line")), iso.element("div", { className: "pair" }, ...canvases), tell, iso.element("p", { className: "soft" }, "Dark: alike; light: unlike; each RDM on its own scale."), iso.names(data.conditions));
    if (!data.models.length) { this.pick.parentElement.hidden = true; canvases[1].hidden = true; }
  }

  nearest(voxel) {
    let [best, where] = [Infinity, -1];
    for (let at = 0; at < this.centres.length; at += 3) {
      let distance = 0;
      for (let axis = 0; axis < 3; axis += 1) distance += ((this.centres[at + axis] - voxel[axis]) * this.volume.sizes[axis]) ** 2;
      if (distance < best) [best, where] = [distance, at / 3];
    }
    return [where, Math.sqrt(best)];
  }

  voxelNear(voxel) {
    const [centre] = this.nearest(voxel);
    return [...this.centres.slice(3 * centre, 3 * centre + 3)];
  }

  show(voxel) {
    const [centre, distance] = this.nearest(voxel);
    const { of, source, metric, counts } = this.data;
    const mean = of.length ? `mean of ${counts[centre]} of ${of.length}, ` : "";
    const away = distance > 0 ? `, the nearest that has one, ${iso.number(distance)} mm away in the dashed square` : "";
    const at = [...this.centres.slice(3 * centre, 3 * centre + 3)].join(", ");
    this.title.textContent = `RDM at voxel ${at}${away} (${mean}${metric}, from ${source}) and, at its right, a model's`;
    this.centre = centre;
    this.draw();
  }

  draw() {
    const here = iso.reader(this.data, this.ranked.checked, this.centre * this.pairs, this.pairs);
    const model = this.data.models[Number(this.pick.value)];
    const values = model ? iso.reader(model, this.ranked.checked) : here;
    const order = this.ways[Number(this.order.value)][1](values);
    this.matrices.forEach((matrix) => { matrix.order = order; });
    this.matrices[0].show((pair) => here[pair], iso.range(here));
    if (model) this.matrices[1].show((pair) => values[pair], iso.range(values));
  }

  /* Put the model of the map's name beside: where it fits is what the map shows. */
  match(name) {
    const found = this.data.models.findIndex((model) => name === model.short || name.endsWith(`: ${model.short}`));
    if (found >= 0) this.pick.value = String(found);
  }
};
document.querySelectorAll("[data-viewer]").forEach((home) => new iso.Viewer(home));
