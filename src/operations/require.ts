/** Refuses to go on without the models: a check that throws. */
import { ModelsError } from "../base/errors.ts";
import type { Finding } from "../tree/check.ts";
import type { Check, CheckOptions, CheckReport } from "./check.ts";
import type { Selection } from "./select.ts";

/**
 * Checks, and returns the report only when it is good.
 * @throws ModelsError `MODELS_MISSING` with one problem a model, each with its fix
 */
export async function requireModels(
  check: Check,
  selection: Selection,
  options: CheckOptions = {},
): Promise<CheckReport> {
  const report = await check(selection, options);
  if (report.ok) return report;
  const wrong = report.models.filter(
    ({ status }) => status !== "present" && (status !== "unverified" || options.isStrict),
  );
  const [first] = wrong;
  const rest = wrong.length > 1 ? ` and ${wrong.length - 1} more` : "";
  const seen = `${wrong.length} of ${report.models.length} are not usable: ${first?.path} is ${first?.status}${rest}`;
  throw new ModelsError("MODELS_MISSING", `Cannot use the models in "${report.root}": ${seen}`, {
    fix: first?.fix ?? "run models sync with the same selection",
    problems: wrong.map(problemOf),
  });
}

function problemOf({ name, path, status, fix }: Finding): { at: string; message: string; fix?: string } {
  return { at: name, message: `${path} is ${status}`, ...(fix === undefined ? {} : { fix }) };
}
