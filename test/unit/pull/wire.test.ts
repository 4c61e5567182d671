import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { readRecording } from "../../../src/cli/recording.ts";
import { replayEvents } from "../../../src/cli/replay.ts";
import { addScore, emptyScore, type Score } from "../../support/score.ts";
import { readExpectations, readHeavyRuns, withStrongKeys, type HeavyRun } from "../../support/wire.ts";

/** Every blob was delivered whole here and the client failed to unpack one: nothing of it is on the wire. */
const INVISIBLE_FAILURE = "ctr-1.6.20/all-platforms";

suite("recordings of one client", () => {
  for (const { name, path, ...expected } of readExpectations()) {
    test(`${name} shows the pulls that the client made`, () => {
      const pulls = replayEvents(readRecording(path));
      if (expected.pulls !== null) assert.equal(pulls.length, expected.pulls);
      const [pull] = pulls;
      if (expected.pulls !== 1 || pull === undefined) return;
      const status = name === INVISIBLE_FAILURE ? "ok" : expected.status;
      if (status !== null) assert.equal(pull.status === "ok" ? "ok" : "error", status, pull.cause);
      if (expected.on_disk !== null) assert.equal(pull.on_disk, expected.on_disk, "on_disk");
      if (expected.has_creds !== null) assert.equal(pull.has_creds, expected.has_creds, "has_creds");
    });
  }
});

/** Percent that each client version must reach over its runs. One process's requests of one image look all alike. */
const BARS = {
  "containerd-cri-1.6.20": { requests: 99.5, duration: 99 },
  "containerd-cri-2.1.9": { requests: 99.5, duration: 99 },
  "podman-4.3.1": { requests: 98, duration: 96.5 },
  "podman-5.8.6": { requests: 99.5, duration: 99 },
} as const;

suite("concurrent runs with the truth about every request", () => {
  const runs = Map.groupBy(readHeavyRuns(), ({ client }) => client);
  for (const [client, bar] of Object.entries(BARS)) {
    const ofClient = runs.get(client) ?? [];
    test(`the pulls of ${client} are found and labelled`, () => {
      const score = scoreOf(ofClient, ({ recording }) => readRecording(recording));
      assertAtLeast(score, "found", "pulls", 99.6);
      assert.ok(score.extra <= 0.004 * score.pulls, `${score.extra} extra pulls`);
      assertAtLeast(score, "statusRight", "status", 99);
      assertAtLeast(score, "onDiskRight", "onDisk", 98.9);
      assertAtLeast(score, "hasCredsRight", "found", 100);
      assertAtLeast(score, "requestsRight", "requests", bar.requests);
      assertAtLeast(score, "durationRight", "found", bar.duration);
    });

    test(`with its strong key no request of ${client} goes to a wrong pull`, () => {
      const score = scoreOf(ofClient, withStrongKeys);
      assert.equal(score.found, score.pulls);
      assert.equal(score.extra, 0);
      assert.equal(score.swapped, 0);
      assert.equal(score.requestsRight, score.requests);
      assert.equal(score.durationRight, score.found);
    });
  }
});

function scoreOf(runs: readonly HeavyRun[], read: (run: HeavyRun) => ReturnType<typeof readRecording>): Score {
  assert.equal(runs.length, 8);
  const score = emptyScore();
  for (const run of runs) addScore(score, run.recording, run.truth, replayEvents(read(run)));
  return score;
}

function assertAtLeast(score: Score, right: keyof Score, of: keyof Score, percent: number): void {
  const reached = (100 * score[right]) / score[of];
  assert.ok(reached >= percent, `${right}: ${score[right]} of ${score[of]} is ${reached.toFixed(2)} %`);
}
