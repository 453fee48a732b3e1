"use strict";
/* RDMs as heat maps. Values are condensed: the upper triangle, row by row. */
iso.pair = (first, second, size) => {
  const [row, column] = first < second ? [first, second] : [second, first];
  return row * size - (row * (row + 1)) / 2 + column - row - 1;
};

/* One RDM on a canvas with a cursor: pointer and arrow keys move over the pairs, `tell` gets each. */
iso.Matrix = class {
  constructor(canvas, conditions, tell, labels = false) {
    Object.assign(this, { canvas, conditions, tell, labels, cell: null, margin: 0 });
    this.order = iso.inOrder(conditions);
    canvas.tabIndex = 0;
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("pointerdown", (event) => this.point(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  /* `values(pair)` gives a dissimilarity or NaN; `range` the ends of the scale. */
  show(values, range) {
    Object.assign(this, { values, range });
    this.draw();
  }

  at(row, column) {
    const [first, second] = [this.order[row], this.order[column]];
    return first === second ? 0 : this.values(iso.pair(first, second, this.conditions.length));
  }

  draw() {
    if (!this.values) return;
    const size = this.conditions.length;
    const context = this.canvas.getContext("2d");
    const wide = 2 * Math.min(this.canvas.parentElement?.clientWidth || 480, 544);
    this.measure(context, wide);
    const zoom = Math.max(1, Math.floor((wide - this.margin) / size));
    this.canvas.width = this.canvas.height = this.margin + size * zoom;
    const [low, high] = this.range;
    this.write(context, zoom);
    context.translate(this.margin, this.margin);
    const empty = iso.style("--mask");
    for (let row = 0; row < size; row += 1) {
      for (let column = 0; column < size; column += 1) {
        const value = row === column ? NaN : this.at(row, column);
        const place = high > low ? (value - low) / (high - low) : 0.5;
        context.fillStyle = Number.isNaN(value) ? empty : `rgb(${iso.tables.sequential[Math.max(0, Math.min(255, Math.round(place * 255)))].join(",")})`;
        context.fillRect(column * zoom, row * zoom, zoom, zoom);
      }
    }
    if (this.cell) {
      context.lineWidth = 2;
      context.strokeStyle = iso.style("--cross");
      context.strokeRect(this.cell[1] * zoom, this.cell[0] * zoom, Math.max(zoom, 3), Math.max(zoom, 3));
    }
  }

  /* Room for the labels, where the cells are large enough for them to be read; pixels are half of CSS's. */
  measure(context, wide) {
    const size = this.conditions.length;
    context.font = "20px system-ui, sans-serif";
    const longest = Math.max(...this.conditions.map((name) => context.measureText(name).width));
    const margin = Math.ceil(Math.min(longest, 0.3 * wide)) + 12;
    const zoom = Math.floor((wide - margin) / size);
    this.every = Math.ceil(20 / Math.max(1, zoom));
    this.margin = this.labels && zoom >= 3 ? margin : 0;
  }

  write(context, zoom) {
    if (!this.margin) return;
    context.font = "20px system-ui, sans-serif";
    context.fillStyle = iso.style("--ink");
    context.textBaseline = "middle";
    this.order.forEach((condition, index) => {
      if (index % this.every) return; /* where cells are small, every second, third ... condition is named */
      const [name, middle] = [this.conditions[condition], this.margin + (index + 0.5) * zoom];
      context.textAlign = "right";
      context.fillText(name, this.margin - 8, middle, this.margin - 10);
      context.save();
      context.translate(middle, this.margin - 8);
      context.rotate(-Math.PI / 2);
      context.textAlign = "left";
      context.fillText(name, 0, 0, this.margin - 10);
      context.restore();
    });
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const size = this.conditions.length;
    const edge = this.margin / this.canvas.width;
    const place = (offset, length) => Math.max(0, Math.min(size - 1, Math.floor(((offset / length - edge) / (1 - edge)) * size)));
    this.move(place(event.clientY - box.top, box.height), place(event.clientX - box.left, box.width));
  }

  key(event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const last = this.conditions.length - 1;
    const [row, column] = this.cell || [0, 0];
    this.move(Math.max(0, Math.min(last, row + step[0])), Math.max(0, Math.min(last, column + step[1])));
  }

  move(row, column) {
    this.cell = [row, column];
    this.draw();
    this.told();
  }

  told() {
    if (!this.cell) return;
    const [row, column] = this.cell;
    const names = [this.conditions[this.order[row]], this.conditions[this.order[column]]];
    const value = row === column ? 0 : this.at(row, column);
    this.tell(`${names[0]} – ${names[1]}: ${row === column ? "the same condition" : iso.number(value)}`);
  }
};

/* Values of an RDM as they are, or as ranks from 0 to 1 (ties share the mean rank). */
iso.reader = (rdm, ranked, base = 0, length = null) => {
  const count = length ?? iso.decode(rdm).length;
  const values = Array.from({ length: count }, (_, pair) => iso.value(rdm, base + pair));
  if (!ranked) return values;
  const order = [...values.keys()].filter((pair) => !Number.isNaN(values[pair])).sort((a, b) => values[a] - values[b]);
  const ranks = new Array(count).fill(NaN);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && values[order[end]] === values[order[start]]) end += 1;
    for (let at = start; at < end; at += 1) ranks[order[at]] = order.length > 1 ? (start + end - 1) / 2 / (order.length - 1) : 0.5;
    start = end;
  }
  return ranks;
};
iso.range = (values) => values.reduce(([low, high], value) => (Number.isNaN(value) ? [low, high] : [Math.min(low, value), Math.max(high, value)]), [Infinity, -Infinity]);

iso.inOrder = (conditions) => conditions.map((_, index) => index);
iso.byLabel = (conditions) => iso.inOrder(conditions).sort((a, b) => conditions[a].localeCompare(conditions[b], "en", { numeric: true }));
/* Conditions with alike rows next to each other, from the first one on; `values` are condensed. */
iso.grouped = (values, size) => {
  const at = (row, column) => values[iso.pair(row, column, size)];
  const distance = (first, second) => {
    let sum = 0;
    for (let other = 0; other < size; other += 1) {
      const apart = other === first || other === second ? 0 : Math.abs(at(first, other) - at(second, other));
      sum += Number.isNaN(apart) ? 0 : apart;
    }
    return sum;
  };
  const [order, left] = [[0], new Set(Array.from({ length: size - 1 }, (_, index) => index + 1))];
  while (left.size) {
    let [best, next] = [Infinity, -1];
    for (const candidate of left) {
      const apart = distance(order[order.length - 1], candidate);
      if (apart < best) [best, next] = [apart, candidate];
    }
    order.push(next);
    left.delete(next);
  }
  return order;
};
iso.GROUPABLE = 200; /* the time grows with the cube of the number of conditions */

/* Ways to order conditions: name, and what gives the order from the values of an RDM. */
iso.orders = (conditions, chosen, grouped) => {
  const ways = [["as in the data", () => iso.inOrder(conditions)], ["by label", () => iso.byLabel(conditions)]];
  if (grouped && conditions.length <= iso.GROUPABLE) ways.unshift([grouped, (values) => iso.grouped(values, conditions.length)]);
  if (chosen) ways.unshift([`as in ${chosen.name}`, () => chosen.places]);
  return ways;
};

iso.heat = (home) => {
  const { conditions, rdms, order: chosen } = iso.payload(home.dataset.heat);
  const orders = iso.orders(conditions, chosen, "");
  if (conditions.length <= iso.GROUPABLE) orders.push(["alike rows together", (values) => iso.grouped(values, conditions.length)]);
  const pick = iso.options(rdms.map((rdm) => rdm.name), "RDM");
  const order = iso.options(orders.map(([name]) => name), "Order of the conditions");
  const shared = iso.element("input", { type: "checkbox" });
  const ranked = iso.element("input", { type: "checkbox" });
  const canvas = iso.element("canvas", { className: "matrix", role: "application" });
  const readout = iso.element("p", { className: "readout", ariaLive: "polite" }, "Point at a cell, or move with the arrow keys.");
  const [low, high] = [iso.element("span"), iso.element("span")];
  const bar = iso.element("canvas");
  const matrix = new iso.Matrix(canvas, conditions, (text) => { readout.textContent = text; }, true);
  const draw = () => {
    const rdm = rdms[Number(pick.value)];
    const values = iso.reader(rdm, ranked.checked);
    let range = iso.range(values);
    if (shared.checked && !ranked.checked) range = [Math.min(...rdms.map((one) => one.low)), Math.max(...rdms.map((one) => one.high))];
    matrix.order = orders[Number(order.value)][1](values);
    canvas.setAttribute("aria-label", `RDM ${rdm.name} of ${conditions.length} conditions`);
    matrix.show((pair) => values[pair], range);
    matrix.told();
    low.textContent = ranked.checked ? "most alike" : iso.number(range[0]);
    high.textContent = ranked.checked ? "least alike" : `${iso.number(range[1])} (${rdm.metric})`;
    iso.bar(bar, iso.tables.sequential);
  };
  const controls = iso.element("div", { className: "controls" }, iso.labelled("RDM", pick), iso.labelled("Order", order), iso.labelled("Ranks", ranked, "line"));
  if (rdms.length > 1) controls.append(iso.labelled("One scale for all", shared, "line"));
  [pick, order, shared, ranked].forEach((control) => control.addEventListener("change", draw));
  home.replaceChildren(controls, canvas, readout, iso.element("div", { className: "colourbar" }, low, bar, high), iso.names(conditions));
  iso.redraws.push(draw);
  draw();
};
iso.names = (conditions) => iso.element("details", {}, iso.element("summary", {}, `${conditions.length} conditions`), iso.element("p", { className: "soft" }, conditions.join(", ")));
document.querySelectorAll("[data-heat]").forEach(iso.heat);
