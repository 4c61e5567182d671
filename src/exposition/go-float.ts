/**
 * A number as Go's Prometheus client prints it: the shortest digits that read back the same, in exponent form from
 * 1e+06 up and below 1e-04. Series whose `le` is spelled differently do not merge.
 * https://github.com/prometheus/common/blob/v0.62.0/expfmt/text_create.go (writeFloat: strconv 'g', precision -1)
 */
export function formatGoFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  // Also -0. Most values are counts: they need no look at their digits.
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return (value + 0).toString();
  const [digits = "", exponentText = ""] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  // strconv's %e is used if the exponent is below -4 or not below 6, where the precision is the shortest possible.
  if (exponent >= -4 && exponent < 6) return String(value);
  const sign = exponent < 0 ? "-" : "+";
  return `${digits}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
