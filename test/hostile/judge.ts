import { attack, type Answered } from "./attack.ts";
import { fillIn, type Group, type HostileInput } from "./hostile-input.ts";
import type { Program } from "./program.ts";
import { setStage, type Stage } from "./stage.ts";

/** What came of one input. */
export interface Verdict {
  readonly group: Group;
  readonly input: HostileInput;
  /** Of the response; `cut` if there was none. */
  readonly status: number | "cut";
  /** Reasons in pullmeter_refused_total that it raised. */
  readonly refused: readonly string[];
  /** What must not be; none if it did not get through. */
  readonly problems: string[];
}

export interface Judgement {
  readonly verdicts: readonly Verdict[];
  /** Of all inputs together. */
  readonly problems: readonly string[];
}

/** Tries every input on real processes; `entry` runs the command line. */
export async function judge(groups: readonly Group[], entry: string): Promise<Judgement> {
  const all = groups.flatMap((group) => group.inputs.map((input) => ({ group, input })));
  const stage = await setStage(
    all.map(({ input }) => input),
    entry,
  );
  try {
    const counts = new Map<Program, Counts>();
    const said: string[] = [];
    const verdicts: Verdict[] = [];
    for (const [index, { group, input }] of all.entries()) {
      const before = stage.canaryConnections();
      const program = stage.programs[input.rules ?? "closed"];
      const answered = await attack(program.portOf(input.to ?? "shared"), bytesOf(stage, index, input));
      said.push(...ownWords(answered));
      const now = await readCounts(program);
      const refused = difference(counts.get(program), now);
      counts.set(program, now);
      const problems = [
        ...findProblems(input, answered, refused),
        ...(await findHarm(stage, index, input)),
        ...(stage.canaryConnections() > before ? ["the canary was reached"] : []),
      ];
      verdicts.push({ group, input, status: statusOf(answered), refused, problems });
    }
    const places = await collectPlaces(stage, said);
    for (const { input, problems } of verdicts) problems.push(...findLeaks(input, places));
    return { verdicts, problems: await findFaults(stage) };
  } finally {
    await stage.close();
  }
}

function bytesOf(stage: Stage, index: number, { sends }: HostileInput): Buffer {
  return Buffer.from(fillIn(sends, stage.wordsOf(index)), "latin1");
}

function statusOf({ responses: [first] }: Answered): Verdict["status"] {
  return first === undefined ? "cut" : first.status;
}

/** The response must be the one that was wanted, and there must be no other but that to the ping. */
function findProblems({ must, to }: HostileInput, answered: Answered, refused: readonly string[]): string[] {
  const problems: string[] = [];
  const { responses, timedOut } = answered;
  const [first, ping, ...more] = responses;
  if (timedOut) problems.push("the connection hung");
  if (statusOf(answered) !== must.status) problems.push(`status ${statusOf(answered)}, not ${must.status}`);
  if (more.length > 0) problems.push(`${responses.length} responses`);
  if (ping !== undefined && ping.status !== (to === "relay" ? 401 : 200)) {
    problems.push(`what followed was answered with ${ping.status}`);
  }
  const wanted = must.refused === undefined ? [] : [must.refused];
  if (refused.join() !== wanted.join()) problems.push(`counted as [${refused.join()}], not [${wanted.join()}]`);
  if (must.body !== undefined && first?.body.equals(Buffer.from(must.body)) !== true) problems.push("another body");
  for (const name of must.lacks ?? []) {
    if (first?.headers.some((text, i) => i % 2 === 0 && text.toLowerCase() === name)) problems.push(`header ${name}`);
  }
  if (first?.status === 404) problems.push("a 404 of its own");
  return problems;
}

/** Who was not to be asked must not have been; and whoever asks next must get what is theirs. */
async function findHarm(stage: Stage, index: number, { rules, sends, upstream }: HostileInput): Promise<string[]> {
  const problems: string[] = [];
  if (upstream === undefined && stage.timesAsked(index) > 0) problems.push("the registry was asked");
  if (upstream !== undefined && stage.timesAsked(index) === 0) problems.push("the registry was not asked");
  const clean = sends.includes("/tags/list") ? "/v2/clean/tags/list" : "/v2/clean/manifests/x";
  const next = `GET ${clean}?ns=registry.test HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`;
  const { responses } = await attack(stage.programs[rules ?? "closed"].portOf("shared"), Buffer.from(next));
  const [first] = responses;
  const body = first?.body.toString("latin1");
  if (first?.status !== 200 || body !== "clean") problems.push(`the next client got ${first?.status} ${body}`);
  return problems;
}

type Counts = ReadonlyMap<string, number>;

async function readCounts(program: Program): Promise<Counts> {
  const text = await program.read("/metrics", "text/plain");
  const series = text.matchAll(/^pullmeter_refused_total\{reason="(\w+)"\} (\d+)$/gm);
  return new Map([...series].map(([, reason = "", value]) => [reason, Number(value)]));
}

function difference(before: Counts = new Map(), now: Counts): string[] {
  return [...now].flatMap(([reason, value]) => Array.from({ length: value - (before.get(reason) ?? 0) }, () => reason));
}

/** What the proxy itself said. What a registry said is the registry's, and passes. */
function ownWords({ responses }: Answered): string[] {
  return responses.map(({ body }) => body.toString("latin1")).filter((body) => body.includes("pullmeter"));
}

const FORMATS = {
  "metrics as text": "text/plain",
  "metrics as OpenMetrics, with exemplars": "application/openmetrics-text;version=1.0.0",
  "metrics as protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
};

/** Every place where a secret could turn up. The programs are stopped for it, so that the last lines are written. */
async function collectPlaces(stage: Stage, said: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const places = new Map<string, string>([["what the proxy answered", said.join("\n")]]);
  for (const [rules, program] of Object.entries(stage.programs)) {
    for (const [name, accept] of Object.entries(FORMATS)) {
      places.set(`${name}, ${rules}`, await program.read("/metrics", accept));
    }
    for (const path of ["/", "/api/pulls", "/readyz"]) places.set(`${path}, ${rules}`, await program.read(path));
    await program.stop();
    places.set(`the log, ${rules}`, program.log());
  }
  return places.set("the traces", stage.traces());
}

function findLeaks({ must: { hides } }: HostileInput, places: ReadonlyMap<string, string>): string[] {
  if (hides === undefined) return [];
  return [...places].filter(([, text]) => text.includes(hides)).map(([place]) => `its secret is in ${place}`);
}

/** What went wrong in a program, or between it and somebody whom nothing was for. */
async function findFaults(stage: Stage): Promise<string[]> {
  const problems = [...stage.strays()];
  for (const [rules, program] of Object.entries(stage.programs)) {
    const code = await program.stop();
    if (code !== 0) problems.push(`the program (${rules}) ended with ${code}`);
    for (const mistake of ["uncaught exception", "an observer failed", "an admin request failed"]) {
      if (program.log().includes(mistake)) problems.push(`the log (${rules}) says "${mistake}"`);
    }
  }
  return problems;
}
