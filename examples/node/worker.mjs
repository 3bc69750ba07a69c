/** A worker that uses the library: weights in its set-up hook, a check before every job. */
import { createInterface } from "node:readline";
import { createModels, ModelsError, preload } from "modelferry";

/** Brings what BASE_MODEL_KIT and PRELOAD_WORKFLOW name; no job is taken before that is proven. */
export async function setUp() {
  await preload({
    onEvent: (event) => {
      if (event.kind === "file-finished") console.error(`${event.how} ${event.path}`);
      if (event.kind === "file-failed") console.error(`failed ${event.path}: ${event.message}`);
    },
  });
  return createModels();
}

/** Runs one job: a workflow whose models are not all here is refused, with the list of what is missing. */
export async function runJob(models, workflow) {
  try {
    const { models: files } = await models.require({ workflows: [workflow] });
    return { ok: true, models: files.map(({ path }) => path) };
  } catch (error) {
    if (!(error instanceof ModelsError)) throw error;
    return { ok: false, code: error.code, message: error.message, problems: error.problems };
  }
}

// One workflow a line on standard input, one answer a line on standard output.
const models = await setUp();
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() !== "") console.log(JSON.stringify(await runJob(models, JSON.parse(line))));
}
await models.close();
