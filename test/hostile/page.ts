import type { HostileInput, Must } from "./hostile-input.ts";
import type { Judgement, Verdict } from "./judge.ts";

/** docs/hostile-inputs.md. The same for the same results: no time, no port, no version is in it. */
export function hostilePage({ verdicts, problems }: Judgement): string {
  const through = verdicts.filter((verdict) => verdict.problems.length > 0);
  const sections = [...Map.groupBy(verdicts, ({ group }) => group)].map(([group, rows]) =>
    [`## ${group.title}`, "", group.about, "", HEAD, ...rows.map(row), ""].join("\n"),
  );
  return [
    INTRODUCTION,
    `${verdicts.length} inputs, ${verdicts.length - through.length} withstood, ${through.length} got through.` +
      (problems.length === 0 ? "" : ` Beside them: ${problems.join("; ")}.`),
    "",
    "| refused as | times |",
    "| --- | --- |",
    ...countRefusals(verdicts).map(([reason, times]) => `| \`${reason}\` | ${times} |`),
    "",
    ...sections,
  ].join("\n");
}

const INTRODUCTION = `# Hostile inputs

Written by \`npm run hostile -- --write\`; do not edit. The inputs are in \`test/hostile/\`, and \`npm test\` tries them too.

Each is tried on a real process of pullmeter between a client that writes any bytes and a registry that answers with any bytes. An input is withstood if

- the client gets the response that must come, and no other on the same connection;
- exactly the reason that must be counted is counted in \`pullmeter_refused_total\`;
- nobody connected to the canary, which listens on \`127.0.0.1\`, \`127.0.0.2\` and \`::1\`: port \`CANARY\` below;
- the registry (\`127.0.0.9\`, ports \`REGISTRY\` and \`SECOND\`) was asked only what it was to be asked, and credentials stayed with their origin;
- the next client gets what is its own;
- a secret is found in none of these: the log at level debug, metrics as text, OpenMetrics and protobuf, \`/\`, \`/api/pulls\`, \`/readyz\`, traces, and whatever the proxy answers itself.

Names are resolved from a table, and two sets of rules are in force: *closed*, the default, and *open*, with \`allowRegistries: ["*"]\`, where nothing but the guard stands between \`ns\` and the network. \`REPO\` is a repository that only one input asks for.
`;

const HEAD = "| input | what is sent | must come | came |\n| --- | --- | --- | --- |";

function row({ input, status, refused, problems }: Verdict): string {
  const came = problems.length === 0 ? "yes" : `**${problems.join("; ")}** (${status} ${refused.join()})`;
  return `| ${escape(input.name)} | ${describeInput(input)} | ${describeMust(input.must)} | ${escape(came)} |`;
}

function describeInput({ sends, to, rules, upstream, registry }: HostileInput): string {
  const parts = [code(distinctive(sends))];
  if (registry !== undefined) parts.push(`challenge: ${code(registry.challenge)}`);
  if (upstream !== undefined) parts.push(`the registry: ${code(distinctive(upstream.bytes.toString("latin1")))}`);
  const where = [rules === "open" ? "open" : "", to === undefined ? "" : `listener ${to}`].filter(
    (word) => word !== "",
  );
  return where.length === 0 ? parts.join("; ") : `${parts.join("; ")} (${where.join(", ")})`;
}

/** Without what every request and response has. */
function distinctive(text: string): string {
  return text
    .replace(/ HTTP\/1\.1\r\nHost: h\r\n(?=[^])/, "\r\n")
    .replace(/(?:\r\n)+$/, "")
    .replace(/^HTTP\/1\.1 (?:307 Temporary Redirect|200 OK)\r\n(?=Location)/, "");
}

function describeMust({ status, refused, body, lacks, hides }: Must): string {
  const parts = [status === "cut" ? "the connection is cut" : String(status)];
  if (refused !== undefined) parts.push(`\`${refused}\``);
  if (body !== undefined) parts.push(body.length > 20 ? "the registry's bytes" : `body ${code(body.toString())}`);
  if (lacks !== undefined) parts.push(`without ${lacks.join(", ")}`);
  if (hides !== undefined) parts.push("no trace of the secret");
  return parts.join(", ");
}

function countRefusals(verdicts: readonly Verdict[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const reason of verdicts.flatMap(({ refused }) => refused)) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].toSorted(([one], [other]) => one.localeCompare(other));
}

/** 110 characters: a row is read in one go. */
const MAX_SHOWN = 110;

function code(text: string): string {
  const shown = JSON.stringify(text)
    .slice(1, -1)
    .replaceAll('\\"', '"')
    .replaceAll(/[^ -~]/g, escapeUnit);
  const cut = shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown;
  return `\`\` ${escape(cut).replaceAll("`", "'")} \`\``;
}

function escapeUnit(unit: string): string {
  return `\\x${unit.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

function escape(text: string): string {
  return text.replaceAll("|", "\\|");
}
