const LINKS: ReadonlyArray<readonly [path: string, meaning: string]> = [
  ["/metrics", "metrics for Prometheus"],
  ["/api/pulls", "live pulls and the last finished ones, as JSON"],
  ["/readyz", "ready to serve clients"],
  ["/livez", "the process answers"],
  ["/healthz", "the same as /livez"],
];

/** Needs nothing but itself: no script, no style, no image, nothing from elsewhere. */
export const INDEX_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>pullmeter</title>
<h1>pullmeter</h1>
<ul>
${LINKS.map(([path, meaning]) => `<li><a href="${path}">${path}</a>: ${meaning}</li>`).join("\n")}
</ul>
</html>
`;
