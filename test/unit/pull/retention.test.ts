import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { blob, CONTAINERD_2, image, manifest, PODMAN_5, Story } from "../../support/pull-story.ts";

setFlagsFromString("--expose-gc");

async function collectGarbage(): Promise<void> {
  // What a WeakRef was made of in this job is kept until the job is over.
  await setImmediate();
  runInNewContext("gc()");
}

suite("memory", () => {
  for (const userAgent of [CONTAINERD_2, PODMAN_5]) {
    test(`a pull of ${userAgent} that was observed is not kept, even if its connection stays open`, async () => {
      const story = new Story();
      const pulls = pullOften(story, userAgent);
      assert.equal(pulls.length, 50);
      await collectGarbage();
      assert.equal(pulls.filter((pull) => pull.deref() !== undefined).length, 0);
      assert.equal(story.tracker.live().length, 0);
    });
  }
});

/** Returns what each pull shares with its observation, its list of transfers. */
function pullOften(story: Story, userAgent: string): readonly WeakRef<object>[] {
  for (let times = 0; times < 50; times += 1) {
    const request = { connection: story.connect() };
    const response = { manifest: ["m", image("c", "a")] } as const;
    story.exchange(userAgent, `GET ${manifest("v1")}`, { request, response });
    story.exchange(userAgent, `GET ${blob("c")}`, { request });
    story.exchange(userAgent, `GET ${blob("a")}`, { request });
    story.wait(60_000);
  }
  const pulls = story.finished().map(({ transfers }) => new WeakRef(transfers));
  story.events.length = 0;
  return pulls;
}
