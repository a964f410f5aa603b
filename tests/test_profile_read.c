/* RUN/profile.json as reports read it: sound, damaged, of another version, without memory. */
#include "tests/check.h"

#include "engine/base/file.h"
#include "reports/profile_read.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static const char profile[] =
    "{\"profile\": 1, \"machine\": {\"cpu\": \"C\"}, \"rows\": [{\"model_type\": \"m\", "
    "\"model_sha256\": \"aa\", \"precision\": \"int8\", \"n_threads\": 2, \"n_depth\": 512, "
    "\"image_tokens\": 0, \"prompt_tokens\": 64, \"new_tokens\": 16, \"ttft_ns\": 103, "
    "\"weight_bytes\": 10, \"activation_bytes\": 1, \"state_bytes\": 2, \"kv_bytes\": 3, "
    "\"runs_ns\": [{\"ttft\": 101}, {\"ttft\": 102}, {\"ttft\": 103}, {\"ttft\": 104}, "
    "{\"ttft\": 105}, {\"ttft\": 106}, {}]}, {\"error\": \"no memory\"}]}";

static enum status open_profile(struct profile_file *file, const char *text, struct error *err)
{
    char path[] = "/tmp/mambench-profile-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0 && close(descriptor) == 0);
    assert_ok(file_write(path, text, strlen(text), err), *err);
    enum status status = profile_file_open(file, path, err);
    unlink(path);
    return status;
}

static void a_profile_is_read_back(void **state)
{
    static const struct {
        const char *text;
        enum status status;
        const char *sentence;
    } bad[] = {
        {"{", STATUS_BAD_FORMAT, "line 1"},
        {"{\"rows\": []}", STATUS_BAD_FORMAT, "profile"},
        {"{\"profile\": 1}", STATUS_BAD_FORMAT, "rows"},
        {"{\"profile\": 2, \"rows\": []}", STATUS_UNSUPPORTED, "version 2"},
        {"{\"profile\": 1, \"rows\": [{}]}", STATUS_BAD_FORMAT, "rows[0]"},
    };
    struct profile_file file;
    struct error err = {""};
    (void)state;
    assert_ok(open_profile(&file, profile, &err), err);
    assert_int_equal(file.n_points, 2);
    const struct profile_point *point = &file.points[0];
    assert_string_equal(point->precision, "int8");
    assert_true(point->ttft_ns == 103 && point->ttft_low_ns >= 101 && point->ttft_high_ns <= 106);
    assert_true(point->ttft_low_ns < point->ttft_high_ns);
    assert_true(profile_point_bytes(point) == 16);
    assert_int_equal(profile_point_position(point), 512);
    assert_true(isnan(point->tpot_ns)); /* was not measured */
    assert_string_equal(file.points[1].error, "no memory");
    profile_file_close(&file);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(open_profile(&file, bad[i].text, &err), bad[i].status);
        assert_contains(err.text, bad[i].sentence);
    }
    for (long n = 1;; n++) {
        char path[] = "/tmp/mambench-profile-XXXXXX";
        int descriptor = mkstemp(path);
        assert_true(descriptor >= 0 && close(descriptor) == 0);
        assert_ok(file_write(path, profile, strlen(profile), &err), err);
        fail_allocation(n);
        enum status status = profile_file_open(&file, path, &err);
        bool failed = allocation_has_failed();
        fail_allocation(0);
        unlink(path);
        if (status == STATUS_OK)
            profile_file_close(&file);
        if (!failed)
            break;
        assert_int_not_equal(status, STATUS_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
