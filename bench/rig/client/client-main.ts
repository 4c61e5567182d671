import { connectIdle, cut, hold, release } from "./hold.ts";
import type { Job, JobResult } from "./job.ts";
import { readAll } from "./read.ts";

// The client's process: jobs come from its parent, one at a time.

process.on("message", (job: Job) => {
  void run(job).then((result) => process.send?.(result));
});
process.on("disconnect", () => process.exit());

function run(job: Job): Promise<JobResult> {
  switch (job.kind) {
    case "read":
      return readAll(job.requests);
    case "hold":
      return hold(job.port, job.path, job);
    case "connect":
      return connectIdle(job.port, job.connections);
    case "release":
      return release();
    case "cut":
      return cut(job.port, job.path, job);
  }
}
