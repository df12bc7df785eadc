#include "base/base.h"

#include "support/checks.h"
#include "support/message_case.h"
#include "support/suite.h"

static json_t *elements_of(const json_t *body)
{
  const json_t *block = json_array_get(json_object_get(body, "blocks"), 0);

  return json_object_get(json_array_get(json_object_get(block, "elements"), 0), "elements");
}

#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define STYLED(text, style) "{\"type\":\"text\",\"text\":\"" text "\",\"style\":{" style "}}"
#define BOLD "\"bold\":true"
#define ITALIC "\"italic\":true"
#define STRIKE "\"strike\":true"
#define CODE "\"code\":true"
#define LINK(text) "{\"type\":\"link\",\"text\":\"" text "\",\"url\":\"https://b.example/7\"}"

#define STYLED_LINK(url, style) \
  "{\"type\":\"link\",\"text\":\"" url "\",\"url\":\"" url "\",\"style\":{" style "}}"
#define URL(url) "{\"type\":\"link\",\"text\":\"" url "\",\"url\":\"" url "\"}"
#define EMOJI(name) "{\"type\":\"emoji\",\"name\":\"" name "\"}"

/* What Slack is sent for a message: the elements, and the text of notifications. */
static const struct {
  const char *message, *elements, *text;
} slack[] = {
    {"plain", TEXT("plain"), "plain"},
    {"a *b* c", TEXT("a ") "," STYLED("b", BOLD) "," TEXT(" c"), "a b c"},
    {"_b_ ~c~", STYLED("b", ITALIC) "," TEXT(" ") "," STYLED("c", STRIKE), "b c"},
    {"`a *b*`", STYLED("a *b*", CODE), "a *b*"},
    {"*a _b_ c*", STYLED("a ", BOLD) "," STYLED("b", BOLD "," ITALIC) "," STYLED(" c", BOLD), "a b c"},
    {"*{{build.branch}}*: {{build.message}}", STYLED("main", BOLD) "," TEXT(": fix <it> & *go*"),
     "main: fix &lt;it&gt; &amp; *go*"},
    {"`{{build.message}}`", STYLED("fix <it> & *go*", CODE), "fix &lt;it&gt; &amp; *go*"},
    {"```{{build.message}}``` `x`", STYLED("fix <it> & *go*", CODE) "," TEXT(" ") "," STYLED("x", CODE),
     "fix &lt;it&gt; &amp; *go* x"},
    {"```a`b``` ```c\n```", STYLED("a`b", CODE) "," TEXT(" ```c") "," TEXT("\\n") "," TEXT("```"),
     "a`b ```c ```"},
    {"snake_case_name 2*3*4 a~b~c", TEXT("snake_case_name 2*3*4 a~b~c"), "snake_case_name 2*3*4 a~b~c"},
    {"* a * _ b", TEXT("* a * _ b"), "* a * _ b"},
    {"*a\nb*", TEXT("*a") "," TEXT("\\n") "," TEXT("b*"), "*a b*"},
    {"*a `b*`\nc", STYLED("a ", BOLD) "," STYLED("b*", BOLD "," CODE) "," TEXT("\\n") "," TEXT("c"),
     "a b* c"},
    {"*a `b\n` c", TEXT("*a `b") "," TEXT("\\n") "," TEXT("` c"), "*a `b ` c"},
    {"**a** `` ``", TEXT("*") "," STYLED("a", BOLD) "," TEXT("* `` ``"), "*a* `` ``"},
    {"<{{build.url}}|build {{build.number}}>!", LINK("build 7") "," TEXT("!"), "build 7!"},
    {"<https://b.example/7>", LINK("https://b.example/7"), "https://b.example/7"},
    {"<https://b.example/7|>", LINK("https://b.example/7"), "https://b.example/7"},
    {"<https://b.example/{{build.number}}|*x*>", LINK("*x*"), "*x*"},
    {"<{{build.tag}}|none>", TEXT("none"), "none"},
    {"<javascript:alert(1)|x> <b>", TEXT("x <b>"), "x &lt;b&gt;"},
    {"<{{build.message}}|{{build.message}}>", TEXT("fix <it> & *go*"), "fix &lt;it&gt; &amp; *go*"},
    {"a < b > c <>", TEXT("a < b > c <>"), "a &lt; b &gt; c &lt;&gt;"},
    {"<!here> <!channel> <!everyone>",
     "{\"type\":\"broadcast\",\"range\":\"here\"}," TEXT(
         " ") ",{\"type\":\"broadcast\",\"range\":\"channel\"}," TEXT(" ") ",{\"type\":\"broadcast\","
                                                                           "\"range\":\"everyone\"}",
     "<!here> <!channel> <!everyone>"},
    {"<@U12> <#C12> <!subteam^S12>",
     "{\"type\":\"user\",\"user_id\":\"U12\"}," TEXT(
         " ") ",{\"type\":\"channel\",\"channel_id\":\"C12\"}," TEXT(" ") ",{\"type\":\"usergroup\","
                                                                          "\"usergroup_id\":\"S12\"}",
     "<@U12> <#C12> <!subteam^S12>"},
    {"<!subteam^S12|@oncall> <!here|here> <@U12|mara> <#C12|builds> <@U12|{{build.branch}}> <@U12|>",
     "{\"type\":\"usergroup\",\"usergroup_id\":\"S12\"}," TEXT(
         " ") ",{\"type\":\"broadcast\",\"range\":\"here\"}," TEXT(" ") ",{\"type\":\"user\",\"user_id\":"
                                                                        "\"U12\"}," TEXT(
                                                                            " ") ",{\"type\":"
                                                                                 "\"channel\","
                                                                                 "\"channel_id\":"
                                                                                 "\"C12\"}," TEXT(
                                                                                     " ") ",{\"type\":"
                                                                                          "\"user\",\"user_"
                                                                                          "id\":\"U12\"}"
                                                                                          "," TEXT(" ") ",{"
                                                                                                        "\"ty"
                                                                                                        "pe\""
                                                                                                        ":\"u"
                                                                                                        "ser"
                                                                                                        "\","
                                                                                                        "\"us"
                                                                                                        "er_"
                                                                                                        "id\""
                                                                                                        ":"
                                                                                                        "\"U1"
                                                                                                        "2\""
                                                                                                        "}",
     "<!subteam^S12> <!here> <@U12> <#C12> <@U12> <@U12>"},
    {"<!here|{{build.tag}}> <!{{build.branch}}|here> <@{{build.branch}}|x>",
     "{\"type\":\"broadcast\",\"range\":\"here\"}," TEXT(" here x"), "<!here> here x"},
    {"<!her> <@u12> <!{{build.branch}}> <@{{build.branch}}>", TEXT("<!her> <@u12> <!main> <@main>"),
     "&lt;!her&gt; &lt;@u12&gt; &lt;!main&gt; &lt;@main&gt;"},
    {":x: 10:20:30 :{{build.branch}}: a:b:c",
     "{\"type\":\"emoji\",\"name\":\"x\"}," TEXT(" 10:20:30 :main: a:b:c"), ":x: 10:20:30 :main: a:b:c"},
    {":eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee: "
     ":eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee:",
     TEXT(":eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee: ") ",{\"type\":\"emoji\",\"name\":"
                                                                    "\"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
                                                                    "eeeeeeeeeeee\"}",
     ":eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee: "
     ":eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee:"},
    {":100: :wave::skin-tone-2: std::vector::size ::x:: :1234: :99: :a::b:",
     EMOJI("100") "," TEXT(" ") "," EMOJI("wave::skin-tone-2") "," TEXT(
         " std::vector::size ::x:: ") "," EMOJI("1234") "," TEXT(" :99: ") "," EMOJI("a") "," EMOJI("b"),
     ":100: :wave::skin-tone-2: std::vector::size ::x:: :1234: :99: :a::b:"},
    {":wave::skin-tone-9: :skin-tone-3:",
     EMOJI("wave") "," EMOJI("skin-tone-9") "," TEXT(" ") "," EMOJI("skin-tone-3"),
     ":wave::skin-tone-9: :skin-tone-3:"},
    {"*{{pipeline.name}}* {{build.branch}}", STYLED("Web", BOLD) "," TEXT(" main"), "Web main"},

    {"{{build.url}}", LINK("https://b.example/7"), "https://b.example/7"},
    {"*{{build.url}}*, _https://b.example/7_!",
     STYLED_LINK("https://b.example/7", BOLD) "," TEXT(", ") "," STYLED_LINK("https://b.example/7",
                                                                             ITALIC) "," TEXT("!"),
     "https://b.example/7, https://b.example/7!"},
    {"see https://b.example/7. (https://b.example/7)",
     TEXT("see ") "," LINK("https://b.example/7") "," TEXT(". (") "," LINK("https://b.example/7") "," TEXT(
         ")"),
     "see https://b.example/7. (https://b.example/7)"},
    {"\"https://b.example/7\" 'https://b.example/7'",
     TEXT("\\\"") "," LINK("https://b.example/7") "," TEXT("\\\" '") "," LINK("https://b.example/7") "," TEXT(
         "'"),
     "\"https://b.example/7\" 'https://b.example/7'"},
    {"xhttps://b.example/7 https:// http:/b.example", TEXT("xhttps://b.example/7 https:// http:/b.example"),
     "xhttps://b.example/7 https:// http:/b.example"},
    {"`https://b.example/7`", STYLED("https://b.example/7", CODE), "https://b.example/7"},
    {"https://b.example/a_(b)_c?d=e&amp;f=*&g", URL("https://b.example/a_(b)_c?d=e&f=*&g"),
     "https://b.example/a_(b)_c?d=e&amp;f=*&amp;g"},
    {"https://b.example/{{build.message}}.",
     URL("https://b.example/fix%20%3Cit%3E%20%26%20%2Ago%2A") "," TEXT("."),
     "https://b.example/fix%20%3Cit%3E%20%26%20%2Ago%2A."},
    {"<https://b.example/{{build.message}}|{{build.message}}>",
     "{\"type\":\"link\",\"text\":\"fix <it> & *go*\",\"url\":\"https://b.example/"
     "fix%20%3Cit%3E%20%26%20%2Ago%2A\"}",
     "fix &lt;it&gt; &amp; *go*"},
    {"{{build.url}}#{{build.branch}} <{{build.url}}?a={{build.message | truncate 3 | urlencode}}|b &amp; c>",
     URL("https://b.example/7#main") "," TEXT(
         " ") ",{\"type\":\"link\",\"text\":\"b & c\",\"url\":\"https://b.example/7?a=fi%E2%80%A6\"}",
     "https://b.example/7#main b &amp; c"},
    {"https://b.example/?u={{build.url}}", URL("https://b.example/?u=https%3A//b.example/7"),
     "https://b.example/?u=https%3A//b.example/7"},
    {"{{build.url | truncate 9}} {{build.tag | default \"https://b.example/7\"}}",
     TEXT("https://… https://b.example/7"), "https://… https://b.example/7"},
    {"&amp;&lt;&gt;&amp;lt; &", TEXT("&<>&lt; &"), "&amp;&lt;&gt;&amp;lt; &amp;"},
    {"{{\"*a* <!here> :x:\"}}", TEXT("*a* <!here> :x:"), "*a* &lt;!here&gt; :x:"},
    {"{{build.tag | default \"*none*\"}}", TEXT("*none*"), "*none*"},
};

START_TEST(slack_markup_is_the_authors_only)
{
  struct kh_test_event event;
  struct kh_buf notify;
  char expected[2048];

  kh_test_event_read(&event, kh_str_of(kh_test_message_event));
  kh_buf_init(&notify, 1 << 16);
  json_t *body = kh_test_message(kh_test_message_entry(KH_TEST_MESSAGE_SLACK, slack[_i].message, &notify),
                                 &event.event);
  (void)snprintf(expected, sizeof expected, "[%s]", slack[_i].elements);
  json_t *elements = json_loads(expected, 0, NULL);
  ck_assert_ptr_nonnull(elements);
  char *got = json_dumps(elements_of(body), JSON_COMPACT);
  ck_assert_msg(json_equal(elements_of(body), elements), "%s", got);
  ck_assert_str_eq(json_string_value(json_object_get(body, "text")), slack[_i].text);
  ck_assert(json_is_false(json_object_get(body, "mrkdwn")));
  ck_assert_uint_eq(json_object_size(body), 5);
  free(got);
  json_decref(elements);
  json_decref(body);
  kh_buf_release(&notify);
  kh_test_event_release(&event);
}
END_TEST

/* ---- whatever a value is, it is only a text ---- */

/* As they stand between the quotes of a JSON text. */
static const char *const hostile[] = {
    "<!channel>",
    "<!here|@here>",
    "<@U0123ABCD>",
    "<https://evil.example/|click>",
    "|x",
    "x>",
    "<",
    "*",
    "_",
    "~",
    "`",
    "*b* _i_ ~s~ `c`",
    ":tada:",
    ":",
    "a\\nb",
    "\\n<!channel>",
    "\\u0001\\u0002*x*",
    "\\u0002<!here>\\u0001",
    "\\\"},{\\\"type\\\":\\\"broadcast\\\"",
    "\\\\",
    "{{build.env}}",
    "}}",
    "&lt;!here&gt;",
    "\\u202egnp",
    "\\r\\nX-Header: a",
    "\\ud800",
    "https://evil.example/",
    "@channel",
    "subteam^S1",
    "here",
};

/* The same text everywhere: in the middle of all the markup that there is. */
#define IN "{{build.branch}}"
static const char everywhere[] = IN " *" IN "* _a " IN " b_ `" IN "` ~" IN "~ <https://b.example/7|" IN
                                    "> <@" IN "> <!" IN "> :" IN ": <" IN "|y> " IN "*x*" IN " <#" IN
                                    ">\n*" IN "\n" IN "*\n<" IN ">" IN " https://b.example/" IN "?" IN
                                    ". {{build.url}}#" IN " <https://b.example/" IN "|" IN ">";

#define HOST "https://b.example/"

static void hide_link(json_t *element)
{
  const char *url = json_string_value(json_object_get(element, "url"));

  ck_assert_int_eq(json_object_set_new(element, "text", json_string("…")), 0);
  if (strncmp(url, HOST, strlen(HOST)) == 0)
    ck_assert_int_eq(json_object_set_new(element, "url", json_string(HOST)), 0);
}

/*
 * Replaces the texts by their lengths' being more than nothing, and URLs by their hosts: what is left is how
 * the message is built.
 */
static char *structure(json_t *elements)
{
  size_t i;
  json_t *element;

  json_array_foreach(elements, i, element)
  {
    const char *text = json_string_value(json_object_get(element, "text"));

    if (strcmp(json_string_value(json_object_get(element, "type")), "text") == 0 && strcmp(text, "\n") != 0)
      ck_assert_int_eq(json_object_set_new(element, "text", json_string("…")), 0);
    else if (strcmp(json_string_value(json_object_get(element, "type")), "link") == 0)
      hide_link(element);
  }
  return json_dumps(elements, JSON_COMPACT | JSON_SORT_KEYS);
}

static char *structure_with(const char *branch)
{
  struct kh_test_event event;
  struct kh_buf notify;
  struct kh_buf body;

  kh_buf_init(&body, 1 << 16);
  kh_buf_init(&notify, 1 << 16);
  (void)kh_buf_printf(
      &body, "{\"event\":\"build.finished\",\"build\":{\"branch\":\"%s\",\"web_url\":\"" HOST "7\"}}",
      branch);
  kh_test_event_read(&event, kh_buf_view(&body));
  json_t *json = kh_test_message(kh_test_message_entry(KH_TEST_MESSAGE_SLACK, everywhere, &notify),
                                 &event.event);
  const char *text = json_string_value(json_object_get(json, "text"));
  ck_assert_msg(!strpbrk(text, "<>\n"), "%s", text);
  char *built = structure(elements_of(json));
  json_decref(json);
  kh_test_event_release(&event);
  kh_buf_release(&notify);
  kh_buf_release(&body);
  return built;
}

START_TEST(a_value_never_changes_how_a_message_is_built)
{
  char *harmless = structure_with("word");
  char *built = structure_with(hostile[_i]);

  /* One value is a link where the author made it one. */
  if (strcmp(hostile[_i], "https://evil.example/") != 0)
    ck_assert_str_eq(built, harmless);
  else
    ck_assert_ptr_null(strstr(built, "broadcast"));
  ck_assert_ptr_nonnull(strstr(harmless, "bold"));
  ck_assert_ptr_nonnull(strstr(harmless, "\"link\""));
  free(built);
  free(harmless);
}
END_TEST

/* ---- emoji of titles ---- */

/* "emoji docker|link  Web ": the elements' types, and what each shows. */
static void tell(const json_t *elements, struct kh_buf *out)
{
  size_t i;
  const json_t *element;

  json_array_foreach(elements, i, element)
  {
    const json_t *text = json_object_get(element, "text");

    (void)kh_buf_printf(out, "%s%s %s", i > 0 ? "|" : "", json_string_value(json_object_get(element, "type")),
                        json_string_value(text ? text : json_object_get(element, "name")));
  }
}

static const struct {
  const char *message, *told;
} titles[] = {
    {"<{{build.url}}|{{pipeline.name}} #{{build.number}}>", "emoji docker|link  Web |emoji ship-it|link  #7"},
    {"*{{pipeline.name}}*", "emoji docker|text  Web |emoji ship-it"},
    {"`{{pipeline.name}}` {{build.branch}}:", "text :docker: Web :ship-it:|text  :x::"},
    {"<{{build.url}}|:tada:>", "emoji tada|link https://b.example/7"},
    {"https://b.example/{{pipeline.name}}", "link https://b.example/%3Adocker%3A%20Web%20%3Aship-it%3A"},
    {"{{build.pull_request.url}}.", "link https://h.example/a/b/pull/7|text ."},
    {"{{pipeline.name | truncate 9}}", "emoji docker|text …"},
};

START_TEST(titles_have_emoji)
{
  static const char event[] =
      "{\"event\":\"build.finished\",\"build\":{\"number\":7,\"branch\":\":x:\","
      "\"web_url\":\"https://b.example/7\",\"pull_request\":{\"id\":\"7\"}},"
      "\"pipeline\":{\"name\":\":docker: Web :ship-it:\",\"provider\":{\"id\":\"github\"},"
      "\"repository\":\"git@h.example:a/b.git\"}}";
  struct kh_test_event made;
  struct kh_buf notify, told;

  kh_test_event_read(&made, kh_str_of(event));
  kh_buf_init(&notify, 1 << 16);
  kh_buf_init(&told, 1 << 16);
  json_t *body = kh_test_message(kh_test_message_entry(KH_TEST_MESSAGE_SLACK, titles[_i].message, &notify),
                                 &made.event);
  tell(elements_of(body), &told);
  ck_assert_str_eq(kh_buf_text(&told), titles[_i].told);
  json_decref(body);
  kh_buf_release(&told);
  kh_buf_release(&notify);
  kh_test_event_release(&made);
}
END_TEST

static Suite *slack_message_suite(void)
{
  Suite *suite = suite_create("slack_message");
  TCase *cases = kh_test_case(suite, "slack_message");

  tcase_add_loop_test(cases, slack_markup_is_the_authors_only, 0, (int)KH_COUNT(slack));
  tcase_add_loop_test(cases, a_value_never_changes_how_a_message_is_built, 0, (int)KH_COUNT(hostile));
  tcase_add_loop_test(cases, titles_have_emoji, 0, (int)KH_COUNT(titles));
  return suite;
}

int main(void)
{
  return kh_test_main(slack_message_suite());
}
