import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBasicFile, parseBearerFile } from "../../../src/access/credentials-files.ts";
import { Credentials } from "../../../src/access/credentials.ts";
import { hashPassword } from "../../../src/access/password-hash.ts";

const TOKEN = "0123456789abcdef";

async function credentials(): Promise<Credentials> {
  const users = parseBasicFile(`# users\n\nalice:${await hashPassword("wonder:land")}\r\n`);
  const tokens = parseBearerFile(`${TOKEN}\nanother-token-0123\n`);
  assert.ok("entries" in users && "entries" in tokens);
  return new Credentials(users.entries, tokens.entries);
}

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString("base64")}`;
}

test("users and tokens of the files are known, nobody else is", async () => {
  const known = await credentials();
  for (const [header, expected] of [
    [basic("alice:wonder:land"), "known"],
    [basic("alice:wonder:land").replace("Basic", "bAsIc"), "known"],
    [basic("alice:wonderland"), "unknown"],
    [basic("alice:"), "unknown"],
    [basic("alice"), "unknown"],
    [basic("bob:wonder:land"), "unknown"],
    [basic("__proto__:wonder:land"), "unknown"],
    [`Bearer ${TOKEN}`, "known"],
    ["Bearer another-token-0123", "known"],
    [`Bearer ${TOKEN}0`, "unknown"],
    [`Digest ${TOKEN}`, "unknown"],
    [TOKEN, "unknown"],
    ["Basic", "unknown"],
    ["", "unknown"],
    [undefined, "unknown"],
  ] as const) {
    assert.equal(await known.recognize(header), expected, header);
  }
});

test("who was known once is known at once, while strangers wait and too many of them are told so", async () => {
  const known = await credentials();
  const alice = basic("alice:wonder:land");
  assert.equal(await known.recognize(alice), "known");
  const strangers = Array.from({ length: 40 }, (_, i) => known.recognize(basic(`stranger:${i}`)));
  assert.equal(await known.recognize(alice), "known");
  assert.equal(await Promise.race([Promise.all(strangers), Promise.resolve("waiting")]), "waiting");
  const judged = await Promise.all(strangers);
  assert.deepEqual(
    judged.slice(0, 32),
    Array.from({ length: 32 }, () => "unknown"),
  );
  assert.deepEqual(
    judged.slice(32),
    Array.from({ length: 8 }, () => "busy"),
  );
});

test("a password for somebody else is checked once, however many strangers come after it", async () => {
  const known = await credentials();
  assert.equal(await known.recognize(basic("registry:password")), "unknown");
  const strangers = Array.from({ length: 40 }, (_, i) => known.recognize(basic(`stranger:${i}`)));
  assert.equal(await known.recognize(basic("registry:password")), "unknown", "not busy");
  await Promise.all(strangers);
});

test("somebody unknown is checked as a known user with a wrong password is", async () => {
  const known = await credentials();
  const time = async (header: string): Promise<number> => {
    const startMs = performance.now();
    assert.equal(await known.recognize(header), "unknown");
    return performance.now() - startMs;
  };
  await time(basic("warm:up"));
  const [wrongPassword, unknownUser] = [await time(basic("alice:x")), await time(basic("bob:x"))];
  assert.ok(unknownUser > wrongPassword / 10, `${unknownUser} ms, and ${wrongPassword} ms for a known user`);
});

test("what is asked for is what there is", async () => {
  assert.deepEqual((await credentials()).challenges, [
    'Basic realm="pullmeter", charset="UTF-8"',
    'Bearer realm="pullmeter"',
  ]);
  assert.deepEqual(new Credentials([], [TOKEN]).challenges, ['Bearer realm="pullmeter"']);
});

for (const [what, parsed, expected] of [
  ["a password in the clear", parseBasicFile("alice:secret-canary"), /^line 1 in it cannot be read; expected NAME:/],
  ["a hash of htpasswd", parseBasicFile("\nalice:$2y$05$secret-canary"), /^line 2 in it/],
  ["no user", parseBasicFile("# none\n"), /^nobody is in it/],
  ["a short token", parseBearerFile("secret-canary"), /^line 1 in it cannot be read; expected a token of 16/],
  ["a token with a space", parseBearerFile("0123456789abcdef secret-canary"), /^line 1/],
  ["no token", parseBearerFile("\n"), /^nobody is in it/],
] as const) {
  test(`a file with ${what} is refused, and what is in it not told`, () => {
    assert.ok("mistake" in parsed);
    assert.match(parsed.mistake, expected);
    assert.doesNotMatch(parsed.mistake, /canary/);
  });
}
