/** A value that has a `# --` comment. */
export interface DocumentedValue {
  readonly path: string;
  readonly description: string;
}

/** Reads a values.yaml in order. Our own file: two spaces a level, no anchors. */
export function documentedValues(yaml: string): DocumentedValue[] {
  const values: DocumentedValue[] = [];
  const path: string[] = [];
  let description: string | undefined;
  for (const line of yaml.split("\n")) {
    const comment = /^ *# -- (.*)$/.exec(line);
    const key = /^( *)([A-Za-z]\w*):/.exec(line);
    if (comment !== null) {
      description = comment[1];
    } else if (key !== null) {
      const [, indent = "", name = ""] = key;
      path.splice(indent.length / 2, Infinity, name);
      if (description !== undefined) values.push({ path: path.join("."), description });
      description = undefined;
    }
  }
  return values;
}
