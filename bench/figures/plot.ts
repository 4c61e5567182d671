// Plots as SVG, written by hand: bars of one measure by program, and lines over a logarithmic or linear size.

export interface BarPlot {
  readonly title: string;
  readonly unit: string;
  /** One bar of each row belongs to each. */
  readonly groups: readonly string[];
  readonly rows: readonly { readonly label: string; readonly values: readonly number[] }[];
}

export interface LinePlot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly scale: "linear" | "logarithmic";
  readonly lines: readonly { readonly label: string; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

const WIDTH = 760;
const LEFT = 150;
const RIGHT = 170;
const TOP = 50;
const BAR = 14;

/** Told apart by people who see no red or green as well: https://jfly.uni-koeln.de/color/ */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999", "#000000", "#b3a100"];

export function barPlot({ title, unit, groups, rows }: BarPlot): string {
  const highest = Math.max(...rows.flatMap(({ values }) => values.filter(Number.isFinite)), 0);
  const rowHeight = groups.length * BAR + 10;
  const scale = (WIDTH - LEFT - RIGHT) / (highest || 1);
  const parts = rows.flatMap(({ label, values }, row) => {
    const y = TOP + row * rowHeight;
    const middle = y + (groups.length * BAR) / 2 + 4;
    const bars = values.flatMap((value, group) => {
      if (!Number.isFinite(value)) return [];
      const top = y + group * BAR;
      return [
        `<rect x="${LEFT}" y="${top}" width="${(value * scale).toFixed(1)}" height="${BAR - 2}" fill="${colour(group)}"/>`,
        text(LEFT + value * scale + 5, top + BAR - 4, value.toFixed(2), "start"),
      ];
    });
    return [text(LEFT - 8, middle, label, "end"), ...bars];
  });
  const height = TOP + rows.length * rowHeight + 10;
  return svg(height, [heading(`${title} (${unit})`), ...legend(groups), ...parts]);
}

const PLOT_HEIGHT = 320;
const BOTTOM = 50;

export function linePlot({ title, xLabel, yLabel, scale, lines }: LinePlot): string {
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x));
  const ys = lines.flatMap(({ points }) => points.map(([, y]) => y));
  const toX = axis(xs, scale, LEFT / 2, WIDTH - RIGHT);
  const toY = axis([...(scale === "linear" ? [0] : []), ...ys], scale, TOP + PLOT_HEIGHT, TOP);
  const drawn = lines.flatMap(({ label, points }, at) => {
    const path = points.map(([x, y]) => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`).join(" ");
    const dots = points.map(
      ([x, y]) => `<circle cx="${toX(x).toFixed(1)}" cy="${toY(y).toFixed(1)}" r="3" fill="${colour(at)}"/>`,
    );
    return [
      `<polyline points="${path}" fill="none" stroke="${colour(at)}" stroke-width="2"/>`,
      ...dots,
      ...sideLegend(label, at),
    ];
  });
  const base = TOP + PLOT_HEIGHT;
  const frame = `<path d="M${LEFT / 2} ${TOP}V${base}H${WIDTH - RIGHT}" fill="none" stroke="#444"/>`;
  const xTicks = [...new Set(xs)].map((x) => text(toX(x), base + 18, String(x), "middle"));
  const yTicks = ticks(ys, scale).map((y) => text(LEFT / 2 - 6, toY(y) + 4, String(y), "end"));
  const names = [text((LEFT / 2 + WIDTH - RIGHT) / 2, base + 38, xLabel, "middle"), text(8, TOP - 10, yLabel, "start")];
  return svg(base + BOTTOM, [heading(title), frame, ...xTicks, ...yTicks, ...names, ...drawn]);
}

function axis(
  values: readonly number[],
  scale: LinePlot["scale"],
  ...[from, to]: readonly [from: number, to: number]
): (value: number) => number {
  const convert = scale === "linear" ? (value: number) => value : Math.log10;
  const least = convert(Math.min(...values));
  const span = convert(Math.max(...values)) - least || 1;
  return (value) => from + ((convert(value) - least) / span) * (to - from);
}

/** Powers of ten, or five steps of a round number. */
export function ticks(values: readonly number[], scale: LinePlot["scale"]): readonly number[] {
  const highest = Math.max(...values);
  if (scale === "logarithmic") {
    const first = Math.ceil(Math.log10(Math.min(...values)));
    const count = Math.max(0, Math.floor(Math.log10(highest)) - first + 1);
    return Array.from({ length: count }, (_, at) => Number((10 ** (first + at)).toPrecision(1)));
  }
  const step = Number((highest / 5).toPrecision(1));
  return Array.from({ length: Math.floor(highest / step) + 1 }, (_, at) => Number((at * step).toPrecision(6)));
}

function svg(height: number, parts: readonly string[]): string {
  const size = `width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`;
  const font = 'font-family="sans-serif" font-size="12"';
  const ground = `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${font}>\n${[ground, ...parts].join("\n")}\n</svg>\n`;
}

function heading(title: string): string {
  return `<text x="8" y="20" font-size="15" font-weight="bold">${escape(title)}</text>`;
}

function legend(groups: readonly string[]): readonly string[] {
  return groups.flatMap((group, at) => [
    `<rect x="${LEFT + at * 150}" y="30" width="10" height="10" fill="${colour(at)}"/>`,
    text(LEFT + at * 150 + 15, 39, group, "start"),
  ]);
}

function sideLegend(label: string, at: number): readonly string[] {
  const y = TOP + at * 18;
  return [
    `<rect x="${WIDTH - RIGHT + 15}" y="${y}" width="10" height="10" fill="${colour(at)}"/>`,
    text(WIDTH - RIGHT + 30, y + 9, label, "start"),
  ];
}

function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end"): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escape(content)}</text>`;
}

function colour(at: number): string {
  return COLOURS[at % COLOURS.length] ?? "#000000";
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
