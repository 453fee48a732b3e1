"use strict";
/* What the other scripts share: data of the page, elements, numbers, light and dark. */
const iso = { redraws: [] };

iso.payload = (id) => JSON.parse(document.getElementById(id).textContent);

/* What several viewers use is read once. */
iso.shared = (id) => {
  iso.read ??= new Map();
  if (!iso.read.has(id)) iso.read.set(id, iso.payload(id));
  return iso.read.get(id);
};

/* Whole-number codes of quantised values, and what a code stands for; the highest code is "no value". */
iso.decode = (part) => {
  if (part.data) return part.data;
  const bytes = Uint8Array.from(atob(part.codes), (character) => character.charCodeAt(0));
  part.data = part.bits === 16 ? new Uint16Array(bytes.buffer) : bytes;
  part.missing = part.bits === 16 ? 65535 : 255;
  part.codes = null;
  return part.data;
};
iso.value = (part, index) => {
  const code = iso.decode(part)[index];
  return code === part.missing ? NaN : part.offset + code * part.step;
};

iso.number = (value) => {
  if (!Number.isFinite(value)) return "no value";
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e6 ? String(Number(value.toPrecision(4))) : value.toExponential(2);
};

/* Text goes in as text only: labels with HTML are shown, never read. */
iso.element = (tag, properties = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria") || name === "role" || name === "for") element.setAttribute(name.replace("aria", "aria-"), value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
};
iso.labelled = (text, control, className = "") => iso.element("label", { className }, text, control);
iso.options = (names, label) => {
  const select = iso.element("select", { ariaLabel: label });
  names.forEach((name, index) => select.append(iso.element("option", { value: String(index) }, name)));
  return select;
};
iso.style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

(() => {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-pressed", String(dark()));
    iso.redraws.forEach((redraw) => redraw());
  };
  button.hidden = false;
  button.setAttribute("aria-label", "Switch between light and dark");
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    show();
  });
  system.addEventListener("change", show);
  let waiting = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => iso.redraws.forEach((redraw) => redraw()));
  });
  show();
  /* A picture that is shown smaller than it is can be had in its own size, to be scrolled. */
  for (const home of document.querySelectorAll(".picture")) {
    const picture = home.querySelector("img");
    const enlarge = iso.element("button", { type: "button", className: "enlarge", ariaPressed: "false" }, "Full size");
    enlarge.addEventListener("click", () => {
      const full = home.classList.toggle("full");
      home.tabIndex = full ? 0 : -1; /* what scrolls is reached by keys */
      enlarge.setAttribute("aria-pressed", String(full));
      enlarge.textContent = full ? "Fit the page" : "Full size";
    });
    home.setAttribute("role", "group");
    home.setAttribute("aria-label", "Picture");
    const offer = () => { if (picture.naturalWidth > 1.15 * picture.clientWidth) home.after(enlarge); };
    if (picture.complete) offer();
    else picture.addEventListener("load", offer);
  }
  /* Small pictures in the overview: the ones of the blocks, so that none is in the page twice. */
  for (const link of document.querySelectorAll("[data-thumbnail]")) {
    const picture = document.querySelector(`#${link.dataset.thumbnail} img`);
    if (picture) link.prepend(iso.element("img", { src: picture.src, alt: "" }));
  }
})();
