import { FAULTS } from "./catalogue.ts";
import { figuresOf, type Judged, type Verdict } from "./judge.ts";
import { PHASES, REPEATS, type Phase, type Repeat } from "./phases.ts";

/** How a verdict looks in the table. */
export const SYMBOLS: Readonly<Record<Verdict, string>> = { unseen: "●", told: "○", visible: "△", broken: "✗" };
const NO_CELL = "·";

/** One row for each fault: a symbol for each repeat in each phase, then what clients were told and the causes. */
export function faultTable(judged: readonly Judged[]): string {
  const rows = FAULTS.flatMap((fault) => {
    const own = judged.filter(({ facts }) => facts.cell.fault.name === fault.name);
    if (own.length === 0) return [];
    return [[fault.name, ...PHASES.map((phase) => symbolsOf(own, phase)), told(own), causes(own)]];
  });
  return markdownTable(["fault", ...PHASES, "told", "cause"], rows);
}

function symbolsOf(own: readonly Judged[], phase: Phase): string {
  const symbol = (repeat: Repeat): string => {
    const one = own.find(({ facts: { cell } }) => cell.phase === phase && cell.repeat === repeat);
    return one === undefined ? NO_CELL : SYMBOLS[one.verdict];
  };
  return REPEATS.map(symbol).join("");
}

/** What clients saw that noticed: statuses, `cut`, `wrong bytes`; the exit of real ones says no more than that they failed. */
function told(own: readonly Judged[]): string {
  const words = own.flatMap(({ facts: { seen } }) => {
    if (seen.kind === "ok") return [];
    return [seen.kind === "status" ? String(seen.status) : seen.kind];
  });
  return [...new Set(words)].toSorted().join(", ");
}

function causes(own: readonly Judged[]): string {
  const failed = own.filter(({ facts }) => facts.seen.kind !== "ok").flatMap((one) => one.facts.causes);
  return [...new Set(failed)]
    .toSorted()
    .map((cause) => `\`${cause}\``)
    .join(", ");
}

/** Every cell that is not green, with the reason. Repeats of the same fault and phase with the same reason are one line. */
export function notGreen(judged: readonly Judged[]): string[] {
  const lines = new Map<string, { verdict: Verdict; repeats: Repeat[] }>();
  for (const { facts, verdict, reasons } of judged) {
    if (reasons.length === 0) continue;
    const { fault, phase, repeat } = facts.cell;
    const key = `**${fault.name}**, ${phase}: ${reasons.join("; ")}`;
    const line = lines.get(key) ?? { verdict, repeats: [] };
    line.repeats.push(repeat);
    lines.set(key, line);
  }
  return [...lines].map(([key, { verdict, repeats }]) => `${SYMBOLS[verdict]} ${key} (${repeats.join(", ")})`);
}

export function summary(judged: readonly Judged[]): string {
  const { cells, broken, recoverable, unseen } = figuresOf(judged);
  const share = recoverable === 0 ? "-" : `${((100 * unseen) / recoverable).toFixed(1)} %`;
  return `${cells} cells, ${broken} broken; ${unseen} of ${recoverable} recoverable faults invisible to the client (${share})`;
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
