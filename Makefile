# mambench - `make help` lists the targets.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
comma := ,

# Yours to set.
CC      ?= gcc
ifeq ($(origin CC),default)
CC      := gcc
endif
CFLAGS  ?= -O2 -g
LDFLAGS ?=
PREFIX  ?= /usr/local
DESTDIR ?=
# Folder with the shared reference data; unset, the tests on it are skipped aloud.
SHARED  ?=
# Sanitizers, e.g. SAN=address,undefined.
SAN     ?=
WERROR  ?=
V       ?=

Q       := $(if $(V),,@)
VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo 0.1.0)

PACKAGES := gcc libc6-dev make pkg-config git libcjson-dev libcsv-dev libjpeg62-turbo-dev libpng-dev \
            libdnnl-dev libpcre2-dev libutf8proc-dev libssl-dev libcmocka-dev
# For `make check` only: second compiler, sanitizer runtime, formatter; mpirun; what scripts/get_data.sh
# and its tests run; what reads JUnit files; the browser that opens the HTML report, and what drives it; pdflatex
# and gnuplot for tables and figures.
CHECK_PACKAGES := clang clang-format libclang-rt-14-dev libomp-14-dev openmpi-bin curl unzip zip shellcheck \
                  libxml2-utils chromium chromium-driver jq gnuplot-nox texlive-latex-base \
                  texlive-latex-recommended
PKG_CONFIG_NAMES := libcjson libjpeg libpng libpcre2-8 libutf8proc libcrypto cmocka

BUILD := build
ifneq ($(SAN),)
BUILD := build-$(subst $(comma),-,$(SAN))
endif
ifneq ($(CC),gcc)
BUILD := $(BUILD)-$(notdir $(CC))
endif

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wpointer-arith -Wvla -Wformat=2 -Wundef $(if $(WERROR),-Werror) \
        $(if $(findstring clang,$(CC)),-Wno-pass-failed)

override CPPFLAGS += -I. -D_GNU_SOURCE -MMD -MP
# Products and sums are rounded one by one: results do not depend on the compiler's fusing.
override CFLAGS   += -std=c11 $(WARN) -fopenmp -ffp-contract=off -fno-strict-aliasing
LIBS := -lcjson -lcsv -ljpeg -lpng -ldnnl -lpcre2-8 -lutf8proc -lcrypto -lm
ifneq ($(SAN),)
override CFLAGS   += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
override LDFLAGS  += -fsanitize=$(SAN)
endif

# Kernels are compiled once per instruction set and chosen at run time; nothing else gets -m flags.
LEVELS := sse2 avx2 avx512
LEVEL_sse2 :=
LEVEL_avx2   := -mavx2 -mfma -mf16c
LEVEL_avx512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mf16c -mprefer-vector-width=512

PROTOCOLS := $(sort $(wildcard datasets/protocols/*.json))
PUBLISHED := $(sort $(wildcard reports/published/*.csv))
SOURCES   := $(sort $(wildcard engine/*.c engine/*/*.c datasets/*.c metrics/*.c reports/*.c eval/*.c))
KERNELS   := engine/ops/ops_cpu.c $(sort $(wildcard engine/ops/cpu_*.c))
LIBRARY   := $(filter-out eval/main.c $(KERNELS),$(SOURCES))
OBJECTS   := $(LIBRARY:%.c=$(BUILD)/%.o) $(foreach level,$(LEVELS),$(KERNELS:%.c=$(BUILD)/%_$(level).o)) \
             $(BUILD)/protocols_data.o $(BUILD)/page_data.o $(BUILD)/published_data.o
HEADERS   := $(sort $(wildcard engine/*.h engine/*/*.h datasets/*.h metrics/*.h reports/*.h eval/*.h))
TESTS     := $(sort $(patsubst tests/%.c,%,$(wildcard tests/test_*.c)))
FUZZERS   := $(sort $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
BENCHMARKS := $(sort $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/bench_*.c)))
WRAP      := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc

## all: build mambench (the default)
all: mambench
.PHONY: all

## help: this list
help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))
.PHONY: help

## deps: install the Debian packages (as root)
deps:
	apt-get update
	apt-get install -y --no-install-recommends $(PACKAGES)
.PHONY: deps

## deps-check: what `make check` needs beyond `make deps` (as root)
deps-check: deps
	apt-get install -y --no-install-recommends $(CHECK_PACKAGES)
.PHONY: deps-check

# Remembers that the libraries were found; without them every build stops with the cure.
$(BUILD)/dependencies: Makefile
	@mkdir -p $(@D)
	@missing=; \
	command -v $(CC) >/dev/null 2>&1 || missing="$$missing $(CC)"; \
	command -v pkg-config >/dev/null 2>&1 || missing="$$missing pkg-config"; \
	for name in $(PKG_CONFIG_NAMES); do pkg-config --exists $$name 2>/dev/null || missing="$$missing $$name"; done; \
	for header in csv.h oneapi/dnnl/dnnl.h; do \
	    [ -f /usr/include/$$header ] || [ -f /usr/local/include/$$header ] || missing="$$missing $$header"; \
	done; \
	if [ -n "$$missing" ]; then \
	    echo "mambench: not installed:$$missing" >&2; \
	    echo "mambench: as root, run:  make deps" >&2; \
	    exit 1; \
	fi
	@touch $@

# Rebuilds everything when compiler, flags or version change.
FLAGS_TEXT := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
$(BUILD)/flags: FORCE | $(BUILD)/dependencies
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(FLAGS_TEXT))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS_TEXT))' > $@
$(BUILD)/version: FORCE | $(BUILD)/dependencies
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
FORCE:
.PHONY: FORCE

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC  $<")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The only place where the version is compiled in.
$(BUILD)/eval/version.o: override CPPFLAGS += -DVERSION='"$(VERSION)"'
$(BUILD)/eval/version.o: $(BUILD)/version

define KERNEL_RULE
$$(BUILD)/engine/ops/%_$(1).o: engine/ops/%.c $$(BUILD)/flags
	@mkdir -p $$(@D)
	@$$(if $$(V),,echo "  CC  $$< ($(1))")
	$$(Q)$$(CC) $$(CPPFLAGS) $$(CFLAGS) -O3 -ffp-contract=fast $$(LEVEL_$(1)) -DLEVEL=$(1) -c -o $$@ $$<
endef
$(foreach level,$(LEVELS),$(eval $(call KERNEL_RULE,$(level))))

$(BUILD)/protocols_data.c: scripts/embed_protocols.sh scripts/embed_bytes.sh $(PROTOCOLS) | $(BUILD)/dependencies
	@mkdir -p $(@D)
	$(Q)sh scripts/embed_protocols.sh $(PROTOCOLS) > $@
$(BUILD)/protocols_data.o: $(BUILD)/protocols_data.c $(BUILD)/flags
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/published_data.c: scripts/embed_published.sh scripts/embed_bytes.sh $(PUBLISHED) | $(BUILD)/dependencies
	@mkdir -p $(@D)
	$(Q)sh scripts/embed_published.sh $(PUBLISHED) > $@
$(BUILD)/published_data.o: $(BUILD)/published_data.c $(BUILD)/flags
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

PAGE := $(sort $(wildcard reports/page/*))
$(BUILD)/page_data.c: scripts/embed_page.sh scripts/embed_bytes.sh $(PAGE) | $(BUILD)/dependencies
	@mkdir -p $(@D)
	$(Q)sh scripts/embed_page.sh reports/page > $@
$(BUILD)/page_data.o: $(BUILD)/page_data.c $(BUILD)/flags
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/libmambench.a: $(OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/mambench: $(BUILD)/eval/main.o $(BUILD)/libmambench.a
	@$(if $(V),,echo "  LD  $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

mambench: $(BUILD)/mambench
	@cp $< $@.tmp && mv $@.tmp $@

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/tests/fail_alloc.o $(BUILD)/libmambench.a
	@$(if $(V),,echo "  LD  $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(WRAP) -o $@ $^ -lcmocka $(LIBS)

# A family that only this test knows.
$(BUILD)/tests/test_added_family: $(BUILD)/tests/family_leaky.o
# So is this benchmark.
$(BUILD)/tests/test_added_dataset: $(BUILD)/tests/dataset_signs.o

## test: unit and end-to-end tests (SHARED=DIR: also those on real files, which are not part of this repository)
test: $(TESTS:%=$(BUILD)/tests/%) $(BUILD)/tests/http_server $(BUILD)/tests/damage_weights $(BUILD)/mambench
	@SHARED='$(SHARED)' BUILD='$(BUILD)' sh scripts/run_tests.sh $(TESTS:%=$(BUILD)/tests/%)
.PHONY: test

## check: test, gate, the same under sanitizers and clang, format, headers, include arrows, page, fuzzers, torture
check: check-includes check-headers format-check test gate benchmarks check-html
	@$(MAKE) --no-print-directory SAN=address,undefined CFLAGS='-O1 -g' test
	@$(MAKE) --no-print-directory CC=clang test
	@$(MAKE) --no-print-directory fuzz
	@$(MAKE) --no-print-directory torture
	@echo "make check: passed"
.PHONY: check

## torture: runs that are killed and disks that fill, KILLS and FULL_DISKS of them
KILLS ?= 50
FULL_DISKS ?= 5
torture: mambench
	@bash scripts/torture.sh ./mambench $(KILLS) $(FULL_DISKS)
.PHONY: torture

## check-html: the HTML report in a headless Chromium; PICTURES=DIR: also screenshots to look at
PICTURES ?=
check-html: mambench
	@bash tests/page/run.sh ./mambench $(PICTURES) || [ $$? -eq 77 ]
.PHONY: check-html

## check-slurm: an array job on a real Slurm of one machine (as root; needs slurm-wlm and munge)
check-slurm: mambench
	@bash tests/slurm/run.sh ./mambench || [ $$? -eq 77 ]
.PHONY: check-slurm

## demo: three trained miniatures answer the six miniature benchmarks
demo: mambench
	./mambench run suites/demo.json --out build/demo --force
	@./mambench report build/demo > build/demo/report.md
	@echo "The whole report: build/demo/report.md"
.PHONY: demo

## gate: the miniatures' accuracy against ci/baseline; JUnit files in build/gate
GATED := $(patsubst ci/baseline/%.json,%,$(wildcard ci/baseline/*.json))
gate: mambench
	./mambench run suites/ci.json --out build/gate --force --quiet > /dev/null
	@status=0; for model in $(GATED); do \
	    ./mambench gate --baseline ci/baseline/$$model.json --junit build/gate/$$model.xml \
	        $(if $(GITHUB_ACTIONS),--ci github) build/gate/$$model || status=$$?; \
	done; exit $$status
## gate-update: record this machine's answers as the baseline; checks and floors stay
gate-update: mambench
	./mambench run suites/ci.json --out build/gate --force --quiet > /dev/null
	@for model in $(GATED); do \
	    ./mambench gate --update --baseline ci/baseline/$$model.json build/gate/$$model || exit $$?; \
	done
.PHONY: gate gate-update

## bench: speed and memory at full size on random weights, as ratios to probes of the same run
BENCH_SYSTEMS ?= cobra+3b mlmamba+3b mobilevlm-v2-3b tinyllava-3.1b
bench: benchmarks
	$(BUILD)/tests/bench/bench_vqa
	$(BUILD)/tests/bench/bench_bootstrap
	$(BUILD)/tests/bench/bench_run ./mambench
	$(BUILD)/tests/bench/bench_attention
	$(BUILD)/tests/bench/bench_ssd
	@for system in $(BENCH_SYSTEMS); do $(BUILD)/tests/bench/bench_engine $$system || exit 1; done
	$(BUILD)/tests/bench/bench_context cobra+3b
	$(BUILD)/tests/bench/bench_reuse
## check-profiler: what the profiler finds and what it must not, counted (needs a quiet machine)
CHECK_PARTS ?= same slower neighbour overhead stages
check-profiler: mambench
	sh scripts/check_profiler.sh ./mambench $(CHECK_PARTS)
.PHONY: check-profiler
## check-gate-latency: false alarms and power of `mambench gate --ab`, counted (half an hour; may be noisy)
GATE_PARTS ?= same slower
check-gate-latency: mambench
	sh scripts/check_gate.sh ./mambench $(GATE_PARTS)
.PHONY: check-gate-latency
## bench-load: loading a Cobra-3B of noise (9 GB, written to BENCH_DIR) from the page cache
BENCH_DIR ?= build/bench-cobra
bench-load: benchmarks
	[ -f $(BENCH_DIR)/config.json ] || python3 tests/bench/write_cobra.py $(BENCH_DIR)
	$(BUILD)/tests/bench/bench_load $(BENCH_DIR)
benchmarks: $(BENCHMARKS:%=$(BUILD)/tests/bench/%)
.PHONY: bench-load benchmarks
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/libmambench.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
.PHONY: bench

## fuzz: every parser of outside files, FUZZ_SECONDS each (needs clang)
FUZZ_SECONDS ?= 10
fuzz:
	@$(MAKE) --no-print-directory CC=clang SAN=fuzzer-no-link,address,undefined CFLAGS='-O1 -g' \
	    BUILD_FUZZERS=1 fuzz-build
	@sh scripts/run_fuzzers.sh build-fuzzer-no-link-address-undefined-clang/tests/fuzz $(FUZZ_SECONDS) $(FUZZERS)
fuzz-build: $(FUZZERS:%=$(BUILD)/tests/fuzz/%)
.PHONY: fuzz fuzz-build
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/libmambench.a
	@$(if $(V),,echo "  LD  $@")
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS)

## check-headers: every header compiles alone
check-headers: | $(BUILD)/dependencies
	@for h in $(HEADERS); do \
	    $(CC) -I. -D_GNU_SOURCE -std=c11 $(WARN) -Werror -x c -fsyntax-only -include $$h /dev/null || exit 1; \
	done; echo "check-headers: $(words $(HEADERS)) headers compile alone"
.PHONY: check-headers

## check-includes: folders include only what their arrows reach
check-includes:
	@sh scripts/check_includes.sh
.PHONY: check-includes

FORMATTED := $(SOURCES) $(HEADERS) $(sort $(wildcard tests/*.[ch] tests/fuzz/*.c tests/bench/*.c))
## format: rewrite the sources in the project's format
format:
	@clang-format -i $(FORMATTED)
## format-check: fail if format would change something
format-check:
	@clang-format --dry-run --Werror $(FORMATTED) && echo "format-check: $(words $(FORMATTED)) files"
.PHONY: format format-check

## install: mambench, its man page and bash completion under DESTDIR and PREFIX
install: mambench
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 mambench $(DESTDIR)$(PREFIX)/bin/mambench
	./mambench help --man > $(DESTDIR)$(PREFIX)/share/man/man1/mambench.1
	./mambench help --completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mambench
.PHONY: install

## clean: remove what was built
clean:
	rm -rf build build-* mambench compile_commands.json
.PHONY: clean

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
