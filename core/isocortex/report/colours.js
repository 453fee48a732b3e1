"use strict";
/* Colours that people with colour-blindness tell apart: viridis (van der Walt & Smith 2015) for amounts, blue and
   orange on both sides of zero, the eight of Okabe & Ito 2008 for kinds; many kinds (layers) go from blue to red. */
iso.ramps = {
  sequential: ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"],
  ordered: ["#313695", "#4575b4", "#74add1", "#abd9e9", "#e0f3f8", "#ffffbf", "#fee090", "#fdae61", "#f46d43", "#d73027", "#a50026"],
  diverging: ["#08337a", "#2b66b8", "#6ea3db", "#b9d3ee", "#f1f1ef", "#f5cfa6", "#e59a52", "#bd6414", "#763500"],
};
iso.kinds = ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#8a8a8a"];

iso.rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
iso.table = (ramp) => {
  const stops = ramp.map(iso.rgb);
  return Array.from({ length: 256 }, (_, index) => {
    const place = (index / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    return stops[low].map((from, channel) => Math.round(from + (stops[low + 1][channel] - from) * (place - low)));
  });
};
iso.tables = Object.fromEntries(Object.entries(iso.ramps).map(([name, ramp]) => [name, iso.table(ramp)]));
iso.tables.p = [...iso.tables.sequential].reverse();

/* Ends of a map's colour scale; on both sides of zero they are alike, so that white is zero. */
iso.ends = (map) => {
  const most = Math.max(Math.abs(map.low), Math.abs(map.high));
  if (map.scale === "diverging") return [-most, most];
  if (map.scale === "p") return [0, Math.max(map.high, Number.MIN_VALUE)];
  return [map.scale === "sequential" ? Math.min(0, map.low) : map.low, map.high];
};
iso.colour = (map, value) => {
  if (map.scale === "labels") return iso.kind(map, value);
  const [low, high] = iso.ends(map);
  const place = high > low ? (value - low) / (high - low) : 0.5;
  return iso.tables[map.scale][Math.max(0, Math.min(255, Math.round(place * 255)))];
};
/* The colour of a kind, by its place among all that have a name or occur. */
iso.kind = (map, value) => {
  if (!map.colours) {
    const all = [...new Set([...Object.keys(map.labels).map(Number), ...iso.places(map)])].sort((a, b) => a - b);
    const colour = (place) => (all.length > iso.kinds.length ? iso.tables.ordered[Math.round((255 * place) / (all.length - 1))] : iso.rgb(iso.kinds[place]));
    map.colours = new Map(all.map((number, place) => [number, colour(place)]));
  }
  return map.colours.get(value) || iso.rgb("#8a8a8a");
};
/* The different numbers of a map of kinds. */
iso.places = (map) => {
  if (!map.places) {
    const codes = new Set(iso.decode(map));
    codes.delete(map.missing);
    map.places = [...codes].sort((a, b) => a - b).map((code) => map.offset + code * map.step);
  }
  return map.places;
};
iso.bar = (canvas, colours) => {
  canvas.width = colours.length;
  canvas.height = 1;
  const context = canvas.getContext("2d");
  colours.forEach((colour, index) => {
    context.fillStyle = `rgb(${colour.join(",")})`;
    context.fillRect(index, 0, 1, 1);
  });
};
