// Says at the end of "npm test" which suites it leaves out, so that green is not mistaken for everything.
const suites = [
  ["npm run e2e", "real podman, containerd, docker, buildah, skopeo and Prometheus"],
  ["npm run test:chart", "Helm chart and container image"],
  ["npm run test:conformance", "the OCI conformance suite, which needs Go and a registry"],
  ["npm run truth", "observations against ground truth, real clients"],
];
console.error("\nSKIPPED here, because they need system packages (.ci/run installs them and skips nothing):");
for (const [command, what] of suites) console.error(`  ${command.padEnd(24)} ${what}`);
