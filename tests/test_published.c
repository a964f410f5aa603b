/* Published numbers: their source, and what the protocols of their columns are. */
#include "tests/check.h"

#include "datasets/protocol.h"
#include "engine/base/file.h"
#include "reports/systems.h"

static void every_protocol_has_its_facts(void **state)
{
    struct published published;
    struct measured_how how;
    struct arena arena;
    struct error err = {""};
    (void)state;
    arena_init(&arena);
    assert_ok(published_open(&published, &err), err);
    for (size_t i = 0; protocol_names[i]; i++)
        if (!published_protocol_facts(&published, protocol_names[i], &arena, &how))
            fail_msg("reports/published/protocols.csv does not know %s", protocol_names[i]);
    assert_true(published_protocol_facts(&published, "pope:aokvqa@llava", &arena, &how));
    assert_string_equal(how.split, "aokvqa");
    assert_false(published_protocol_facts(&published, "none@such", &arena, &how));
    for (size_t s = 0; s < published.n_systems; s++)
        for (size_t n = 0; n < published.systems[s].n_numbers; n++) {
            const struct published_number *number = &published.systems[s].numbers[n];
            char *end;
            assert_true(strtod(number->value, &end) > 0 && *end == '\0');
            assert_true(number->source[0] != '\0');
            assert_true(number->how.protocol[0] == '\0' ||
                        published_protocol_facts(&published, number->how.protocol, &arena, &how));
        }
    for (size_t i = 0; table_layouts[i].name; i++)
        assert_ptr_equal(table_layout_find(table_layouts[i].name), &table_layouts[i]);
    published_close(&published);
    arena_release(&arena);
}

/* Every number of the tables stands in the collection that they were taken from. */
static void numbers_are_those_of_the_collection(void **state)
{
    const char *shared = shared_or_skip(__func__);
    struct published published;
    struct arena arena;
    struct error err = {""};
    char *data;
    (void)state;
    if (!shared)
        skip();
    arena_init(&arena);
    assert_ok(published_open(&published, &err), err);
    assert_ok(
        file_read(arena_printf(&arena, "%s/data/published.csv", shared), &arena, &data, NULL, &err),
        err);
    for (size_t s = 0; s < published.n_systems; s++)
        for (size_t n = 0; n < published.systems[s].n_numbers; n++) {
            const char *field = arena_printf(&arena, ",%s,", published.systems[s].numbers[n].value);
            if (!strstr(data, field))
                fail_msg("%s: %s is not in published.csv", published.systems[s].key, field);
        }
    published_close(&published);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_protocol_has_its_facts),
        cmocka_unit_test(numbers_are_those_of_the_collection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
