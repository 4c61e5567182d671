import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../support/helm.ts";
import { parseObjects, problems } from "../support/kubernetes.ts";

const POD = readFileSync(join(ROOT, "examples", "sidecar-pod.yaml"), "utf8");
const MONITOR = `
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: pullmeter
spec:
  selector:
    matchLabels: { app: a }
  podMetricsEndpoints:
    - port: admin
      interval: 30s
`;
const DAEMON_SET = `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: pullmeter
spec:
  selector:
    matchLabels: { app: a }
  template:
    metadata:
      labels: { app: a }
    spec:
      containers:
        - name: pullmeter
          image: localhost/pullmeter
`;

// What `problems` must find, or the chart's tests would pass for want of a check.
const mistakes = [
  ["a misspelt field", POD, "periodSeconds", "periodSecond", /additionalProperty":"periodSecond"/],
  ["a misspelt field of a sidecar", POD, "  restartPolicy: Always", "  restartpolicy: Always", /restartpolicy/],
  ["a text where a number belongs", POD, "runAsUser: 65532", 'runAsUser: "65532"', /runAsUser must be integer/],
  ["a missing field", POD, "containerPort: 9090", "hostPort: 9090", /required property 'containerPort'/],
  [
    "a volume that nothing defines",
    POD,
    "- name: pullmeter\n      configMap",
    "- name: other\n      configMap",
    /no volume pullmeter/,
  ],
  ["a probe of a port that does not exist", POD, "- name: pullmeter-admin", "- name: admin", /probes no port/],
  ["a port's name that is too long", POD, /pullmeter-admin/g, "pullmeter-admin-port", /bad port name/],
  ["two containers of one name", POD, "- name: podman", "- name: pullmeter", /container pullmeter twice/],
  ["a name that is no host's", POD, "name: executor\n", "name: Executor_1\n", /bad name/],
  ["a kind without a schema", POD, "kind: Pod", "kind: Pot", /not among the schemas/],
  ["a version that does not exist", DAEMON_SET, "apps/v1", "apps/v2", /not among the schemas/],
  ["a selector that matches nothing", DAEMON_SET, "labels: { app: a }", "labels: { app: b }", /selector of DaemonSet/],
  ["a label that is none", DAEMON_SET, "labels: { app: a }", "labels: { app: a, b: c/d }", /bad label value/],
  ["a misspelt field of a custom resource", MONITOR, "interval", "intervall", /intervall/],
  ["a duration that is none", MONITOR, "30s", "30 s", /must match pattern/],
] as const;

for (const [what, yaml, from, to, expected] of mistakes) {
  test(`the check of Kubernetes objects finds ${what}`, () => {
    assert.deepEqual(parseObjects(yaml).flatMap(problems), []);
    const changed = yaml.replace(from, to);
    assert.notEqual(changed, yaml);
    assert.match(parseObjects(changed).flatMap(problems).join("\n"), expected);
  });
}

test("the check of Kubernetes objects refuses a key that is written twice", () => {
  assert.throws(() => parseObjects(POD.replace("kind: Pod\n", "kind: Pod\nkind: Pod\n")), /unique/);
});
