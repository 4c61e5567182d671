import { ANSWERS } from "./answers.ts";
import type { Group } from "./hostile-input.ts";
import { TOKEN_SERVICES } from "./realms.ts";
import { REDIRECTS } from "./redirects.ts";
import { REGISTRY_NAMES } from "./registry-names.ts";
import { SECRETS } from "./secrets.ts";
import { SMUGGLING } from "./smuggling.ts";
import { TARGETS } from "./targets.ts";

/** Everything hostile that is tried: what is sent, and what must come. */
export const CATALOGUE: readonly Group[] = [
  ...REGISTRY_NAMES,
  ...REDIRECTS,
  ...TOKEN_SERVICES,
  ...TARGETS,
  ...SMUGGLING,
  ...ANSWERS,
  ...SECRETS,
];
