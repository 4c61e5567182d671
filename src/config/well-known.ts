import { parseRegistryPattern, type RegistryPattern } from "./registry-pattern.ts";

/** Registries that are reachable without being configured, and who runs them: the reason why they are here. */
export interface WellKnownRegistry {
  /** Host as clients name it; `*` stands for one label. */
  readonly pattern: string;
  readonly operator: string;
  /** Where to connect, when not to the host itself. */
  readonly upstream?: string;
}

// https://github.com/distribution/reference/blob/v0.6.0/normalize.go: "docker.io" is a name; its registry is elsewhere.
const DOCKER_HUB = "https://registry-1.docker.io";

export const WELL_KNOWN_REGISTRIES: readonly WellKnownRegistry[] = [
  { pattern: "docker.io", operator: "Docker Hub", upstream: DOCKER_HUB },
  { pattern: "index.docker.io", operator: "Docker Hub, older name", upstream: DOCKER_HUB },
  { pattern: "registry-1.docker.io", operator: "Docker Hub, its API's own host" },
  { pattern: "ghcr.io", operator: "GitHub" },
  { pattern: "docker.pkg.github.com", operator: "GitHub, older name" },
  { pattern: "quay.io", operator: "Red Hat Quay" },
  { pattern: "gcr.io", operator: "Google Container Registry" },
  { pattern: "us.gcr.io", operator: "Google Container Registry, by continent" },
  { pattern: "eu.gcr.io", operator: "Google Container Registry, by continent" },
  { pattern: "asia.gcr.io", operator: "Google Container Registry, by continent" },
  { pattern: "mirror.gcr.io", operator: "Google's cache of Docker Hub" },
  { pattern: "marketplace.gcr.io", operator: "Google Cloud Marketplace" },
  { pattern: "*.pkg.dev", operator: "Google Artifact Registry, by region" },
  { pattern: "registry.k8s.io", operator: "Kubernetes" },
  { pattern: "k8s.gcr.io", operator: "Kubernetes, older name" },
  { pattern: "mcr.microsoft.com", operator: "Microsoft" },
  { pattern: "*.azurecr.io", operator: "Azure Container Registry, by customer" },
  { pattern: "*.azurecr.cn", operator: "Azure Container Registry in China" },
  { pattern: "*.azurecr.us", operator: "Azure Container Registry for the US government" },
  { pattern: "public.ecr.aws", operator: "Amazon ECR Public" },
  { pattern: "*.dkr.ecr.*.amazonaws.com", operator: "Amazon ECR, by account and region" },
  { pattern: "*.dkr.ecr.*.amazonaws.com.cn", operator: "Amazon ECR in China" },
  { pattern: "*.dkr.ecr-fips.*.amazonaws.com", operator: "Amazon ECR, FIPS endpoints" },
  { pattern: "registry.gitlab.com", operator: "GitLab" },
  { pattern: "registry.redhat.io", operator: "Red Hat, with an account" },
  { pattern: "registry.access.redhat.com", operator: "Red Hat, without an account" },
  { pattern: "registry.connect.redhat.com", operator: "Red Hat partners" },
  { pattern: "registry.fedoraproject.org", operator: "Fedora" },
  { pattern: "registry.opensuse.org", operator: "openSUSE" },
  { pattern: "registry.suse.com", operator: "SUSE" },
  { pattern: "container-registry.oracle.com", operator: "Oracle" },
  { pattern: "*.ocir.io", operator: "Oracle Cloud Infrastructure, by region" },
  { pattern: "icr.io", operator: "IBM Cloud" },
  { pattern: "*.icr.io", operator: "IBM Cloud, by region" },
  { pattern: "registry.digitalocean.com", operator: "DigitalOcean" },
  { pattern: "nvcr.io", operator: "NVIDIA" },
  { pattern: "docker.elastic.co", operator: "Elastic" },
  { pattern: "cgr.dev", operator: "Chainguard" },
  { pattern: "dhi.io", operator: "Docker Hardened Images" },
  { pattern: "lscr.io", operator: "LinuxServer.io" },
  { pattern: "*.jfrog.io", operator: "JFrog cloud, by customer" },
  { pattern: "xpkg.upbound.io", operator: "Upbound (Crossplane packages)" },
  { pattern: "codeberg.org", operator: "Codeberg" },
];

const HOSTS = new Map(WELL_KNOWN_REGISTRIES.map((entry) => [entry.pattern, entry]));
const PATTERNS: readonly { readonly matches: RegistryPattern; readonly entry: WellKnownRegistry }[] =
  WELL_KNOWN_REGISTRIES.filter((entry) => entry.pattern.includes("*")).map((entry) => ({
    matches: parseRegistryPattern(entry.pattern) ?? (() => false),
    entry,
  }));

/** The built-in entry for a registry (host[:port], lower-case), if there is one. */
export function findWellKnown(registry: string): WellKnownRegistry | undefined {
  return HOSTS.get(registry) ?? PATTERNS.find(({ matches }) => matches(registry))?.entry;
}
