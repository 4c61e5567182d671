/** A content digest, `algorithm:encoded`, already checked: `sha256:` + 64 lower-case hex digits (or sha512 + 128). */
export type Digest = string & { readonly __digest: unique symbol };

// https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#registered-algorithms
const REGISTERED = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

export function isDigest(text: string): text is Digest {
  return REGISTERED.test(text);
}
