import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { missingPrograms, programPath, type Release } from "../support/clients/programs.ts";
import { everythingObserved } from "../support/everything-observed.ts";
import { expositionText } from "../support/exposition-text.ts";

function checkMetrics(release: Release, exposition: string) {
  const path = programPath("promtool", release);
  const { status, stdout, stderr } = spawnSync(path, ["check", "metrics"], { input: exposition, encoding: "utf8" });
  return { status, complaints: `${stdout}${stderr}`.split("\n").filter((line) => line !== "") };
}

for (const release of ["bookworm", "sid"] as const) {
  const skip = missingPrograms(release, "promtool") ?? false;

  test(
    `promtool (${release}) finds nothing wrong with /metrics but the name of the origin's histogram`,
    { skip },
    async () => {
      const body = await expositionText(everythingObserved());
      const { status, complaints } = checkMetrics(release, body);
      const own = complaints.filter(
        (line) => !line.startsWith("buildbuddy_remote_execution_image_fetch_duration_usec "),
      );
      assert.deepEqual(own, []);
      // 3: there are complaints, which then are about the origin's name.
      assert.equal(status, complaints.length === 0 ? 0 : 3);
    },
  );

  test(`promtool (${release}) would find something`, { skip }, () => {
    const { status, complaints } = checkMetrics(release, "# HELP x A counter.\n# TYPE x counter\nx 1\n");
    assert.equal(status, 3);
    assert.match(complaints.join(), /x counter metrics should have "_total" suffix/);
  });
}
