import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { parseAllDocuments } from "yaml";

/** As much of a Kubernetes object as the tests look at; `problems` checks the rest. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly data?: Record<string, string>;
  readonly spec?: PodSpec & {
    readonly selector?: { readonly matchLabels: Record<string, string> };
    readonly template?: { readonly metadata: Metadata; readonly spec: PodSpec };
    readonly podMetricsEndpoints?: readonly { readonly port: string; readonly path: string }[];
  };
}

export interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
}

export interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly automountServiceAccountToken?: boolean;
  readonly securityContext?: object;
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly restartPolicy?: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly resources?: { readonly requests?: object; readonly limits?: Record<string, string> };
  readonly securityContext?: object;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly subPath?: string }[];
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string | number };
}

const SCHEMA = join(import.meta.dirname, "..", "fixtures", "kubernetes", "schema.json");
const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true });
ajv.addSchema({ $id: "kubernetes", ...(JSON.parse(readFileSync(SCHEMA, "utf8")) as object) });

export function parseObjects(yaml: string): KubernetesObject[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    // A key written twice is an error here, as it is for an API server with strict validation.
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const object: unknown = document.toJS();
    return object === null ? [] : [object as KubernetesObject];
  });
}

export function podSpecOf(object: KubernetesObject): PodSpec | undefined {
  return object.kind === "Pod" ? object.spec : object.spec?.template?.spec;
}

/** Everything an API server would refuse, as far as schemas and the rules below tell. */
export function problems(object: KubernetesObject): string[] {
  const where = `${object.kind}/${object.metadata.name}`;
  const pod = podSpecOf(object);
  return [
    ...schemaProblems(object),
    ...nameProblems(object.metadata),
    ...labelProblems(object.metadata),
    ...labelProblems(object.spec?.template?.metadata ?? {}),
    ...(pod === undefined ? [] : podProblems(pod)),
    ...selectorProblems(object),
  ].map((problem) => `${where}: ${problem}`);
}

function schemaProblems(object: KubernetesObject): string[] {
  const kind = `${object.apiVersion}/${object.kind}`;
  const pointer = kind.replaceAll("~", "~0").replaceAll("/", "~1");
  let validate: ValidateFunction | undefined;
  try {
    validate = ajv.getSchema(`kubernetes#/definitions/${pointer}`);
  } catch (error) {
    return [`schema of ${kind}: ${String(error)}`];
  }
  if (validate === undefined) return [`${kind} is not among the schemas`];
  validate(object);
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

// https://kubernetes.io/docs/concepts/overview/working-with-objects/names and …/labels
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_NAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const PORT_NAME = /^(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/;

function nameProblems({ name = "" }: Metadata): string[] {
  return SUBDOMAIN.test(name) && name.length <= 253 ? [] : [`bad name ${name}`];
}

function labelProblems({ labels = {}, annotations = {} }: Metadata): string[] {
  const keys = [...Object.keys(labels), ...Object.keys(annotations)].filter((key) => !isQualified(key));
  const values = Object.values(labels).filter((value) => value !== "" && !LABEL_NAME.test(value));
  return [...keys.map((key) => `bad key ${key}`), ...values.map((value) => `bad label value ${value}`)];
}

function isQualified(key: string): boolean {
  const [name = "", prefix, ...more] = key.split("/").toReversed();
  return LABEL_NAME.test(name) && more.length === 0 && (prefix === undefined || SUBDOMAIN.test(prefix));
}

function podProblems(pod: PodSpec): string[] {
  const containers = [...(pod.initContainers ?? []), ...(pod.containers ?? [])];
  const volumes = (pod.volumes ?? []).map(({ name }) => name);
  const wrong = [
    ...duplicates(containers.map(({ name }) => name)).map((name) => `container ${name} twice`),
    ...duplicates(volumes).map((name) => `volume ${name} twice`),
  ];
  for (const { name, ports = [], volumeMounts = [], startupProbe, livenessProbe, readinessProbe } of containers) {
    const portNames = ports.flatMap((port) => (port.name === undefined ? [] : [port.name]));
    for (const mount of volumeMounts)
      if (!volumes.includes(mount.name)) wrong.push(`${name} mounts no volume ${mount.name}`);
    for (const path of duplicates(volumeMounts.map(({ mountPath }) => mountPath)))
      wrong.push(`${name} mounts ${path} twice`);
    for (const port of portNames) if (!PORT_NAME.test(port)) wrong.push(`bad port name ${port}`);
    for (const port of duplicates(portNames)) wrong.push(`port name ${port} twice`);
    for (const port of duplicates(ports.map(({ containerPort }) => String(containerPort))))
      wrong.push(`port ${port} twice`);
    for (const { containerPort: port } of ports) if (port < 1 || port > 65_535) wrong.push(`port ${port} out of range`);
    for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
      const port = probe?.httpGet.port;
      if (typeof port === "string" && !portNames.includes(port)) wrong.push(`${name} probes no port ${port}`);
    }
  }
  return wrong;
}

function selectorProblems({ spec, kind }: KubernetesObject): string[] {
  if (spec?.template === undefined) return [];
  const labels = spec.template.metadata.labels ?? {};
  return Object.entries(spec.selector?.matchLabels ?? {})
    .filter(([key, value]) => labels[key] !== value)
    .map(([key]) => `selector of ${kind} does not match its own template in ${key}`);
}

function duplicates(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) !== index);
}
