// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** 255 characters: what the specification tells clients to expect of registry host and name together. */
const MAX_NAME_LENGTH = 255;

/** True if `text` is a repository `<name>`, for example `library/alpine`. */
export function isRepositoryName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && NAME.test(text);
}

/** True if `text` is a tag. A digest is no tag: it has a colon. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}
