#include "base/base.h"

#include "cli.h"
#include "import.h"
#include "language/condition/condition.h"

static const struct kh_cli_option options[] = {
    {"pipeline", kh_cli_take_text, offsetof(struct kh_import, pipelines)},
    {0},
};

static bool is_pattern(const char *text)
{
  return text[0] && strlen(text) < KH_IMPORT_SLUG_BYTES &&
         text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-*! ")] == '\0';
}

static bool has_refused(const struct kh_import *import)
{
  const json_t *entry = NULL;
  size_t i = 0;

  json_array_foreach(import->entries, i, entry)
  {
    if (json_object_get(entry, "refused"))
      return true;
  }
  return false;
}

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct kh_import import = {.self = self};
  int code = kh_cli_options(self, argc, argv, &import);

  if (code != KH_GO_ON)
    return code;
  if (optind == argc)
    return kh_cli_misused(self, "PIPELINE.yml is missing");
  if (import.pipelines && !is_pattern(import.pipelines))
    return kh_cli_misused(self, "--pipeline takes slugs as `pipelines:` does, of a-z, 0-9 and -");
  import.entries = json_array();
  import.files = json_array();
  import.services = json_object();
  import.variables = json_object();
  import.values = json_object();
  code = KH_EXIT_OK;
  for (int i = optind; i < argc && code == KH_EXIT_OK; i++)
    code = kh_import_file(&import, argv[i]);
  if (code == KH_EXIT_OK) {
    kh_import_print(&import);
    code = has_refused(&import) ? KH_EXIT_NO : KH_EXIT_OK;
  }
  json_decref(import.entries);
  json_decref(import.files);
  json_decref(import.services);
  json_decref(import.variables);
  json_decref(import.values);
  return code;
}

const struct kh_command kh_command_import = {
    .name = "import",
    .summary = "make rules of the `notify:` of pipelines",
    .usage = "[--pipeline SLUG] PIPELINE.yml...|-",
    .help =
        "Prints a kitehook.yml that says what the `notify:` of these files says, of builds and of steps, "
        "each\n"
        "rule behind the file and line that it came from. What cannot be taken over is a comment with the\n"
        "reason, and told on standard error, too. URLs and keys that stand in the files are not repeated:\n"
        "the rules have variables instead, and standard error says what to put into them.\n"
        "A rule is for the pipeline that its file is of. Which that is says --pipeline, else `name:` in the\n"
        "file, else the file's name (web.yml, pipeline.web.yml), else its folder's "
        "(web/.buildkite/pipeline.yml).\n\n"
        "  --pipeline SLUG  the pipeline of all these files, or a pattern as `pipelines:` has it\n"
        "  -h, --help       show this\n\n"
        "Exit codes: 0 all was taken over, 1 something was not, 2 called wrongly or a file cannot be read,\n"
        "5 output failed.\n",
    .options = options,
    .completes = KH_COMPLETES_FILES,
    .run = run,
};
