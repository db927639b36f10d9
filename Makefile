# lstm.h - the header needs no build; this file runs its examples, tests and checks.
# `make help` lists the targets. All output goes to build/.

CC ?= cc
# Where everything is built; `make sanitize` has a directory for each compiler.
BUILD ?= build
CFLAGS ?= -O2
# The tests are many programs, and -Og compiles them in half the time of -O1.
TEST_CFLAGS ?= -Og
MAKEFLAGS += --jobs=$(shell nproc 2>/dev/null || echo 2)
STRICT := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wdouble-promotion -Wundef -Wcast-align -Wstrict-prototypes -Werror
C99 = $(CC) -std=c99 $(STRICT) $(CFLAGS) -Iinclude
# The Python side (golden vectors, training) lives in a virtual environment outside the tree.
VENV ?= $(HOME)/.cache/lstm.h/venv
PYTHON := $(VENV)/bin/python
PIP = $(PYTHON) -m pip install --quiet --disable-pip-version-check

EXAMPLES := $(basename $(notdir $(wildcard examples/[0-9]*.c)))
TESTS := $(basename $(notdir $(wildcard tests/test_*.c)))
FUZZ := $(basename $(notdir $(wildcard tests/fuzz/fuzz_*.c)))
# The version has one home: the macros of the header.
VERSION = $(shell awk '/^\#define LSTM_VERSION_[A-Z]+ / { printf "%s%s", dot, $$3; dot = "." }' \
	include/lstm.h)
# Where `make install` puts the headers: below $(DESTDIR)$(PREFIX).
PREFIX ?= /usr/local
INSTALLED = $(addprefix $(DESTDIR)$(PREFIX)/,$(wildcard include/*.h) share/pkgconfig/lstm.pc \
	share/cmake/lstm/lstm-config.cmake share/cmake/lstm/lstm-config-version.cmake)
# The models' headers are the exporter's, laid out by it.
SOURCES = $(shell git ls-files '*.c' '*.cc' '*.h' ':!examples/*/speaker_*.h' \
	':!examples/amplifier/amplifier.h')

.PHONY: all run examples test names windows install uninstall test-install packages test-packages web test-web test-readme test-examples test-std int8 mutants mutants-int8 coverage digest accuracy targets firmware analyze sizes endurance flags fuzz fuzz-export sanitize bench bench-peers golden train-check test-export export export-check venv format format-check help clean
all: run

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

run: $(BUILD)/05_speakers ## recognise 370 recorded utterances with two Keras-trained models
	@$(BUILD)/05_speakers

examples: $(EXAMPLES:%=$(BUILD)/%) $(BUILD)/09_wrapper ## build and run every example
	@for e in $(EXAMPLES) 09_wrapper; do echo "== $$e"; $(BUILD)/$$e || exit 1; done

test: $(TESTS:%=$(BUILD)/%) $(FUZZ:%=$(BUILD)/%) $(EXAMPLES:%=$(BUILD)/tested_%) ## the tests: seconds, a C compiler is enough
	@CC='$(CC)' BUILD='$(BUILD)' sh tests/run.sh $(TESTS) $(FUZZ)

test-examples: ## every example by itself: compiles with lstm.h beside it, prints what it says
	@sh tests/examples/run.sh

install: ## headers, lstm.pc, lstm-config.cmake: for pkg-config, CMake, Meson (PREFIX= DESTDIR=)
	@mkdir -p $(sort $(dir $(INSTALLED)))
	@cp include/*.h '$(DESTDIR)$(PREFIX)/include'
	@cp examples/cmake/lstm/lstm-config.cmake '$(DESTDIR)$(PREFIX)/share/cmake/lstm'
	@sed 's|@VERSION@|$(VERSION)|' examples/cmake/lstm/lstm-config-version.cmake.in \
	    >'$(DESTDIR)$(PREFIX)/share/cmake/lstm/lstm-config-version.cmake'
	@sed 's|@VERSION@|$(VERSION)|; s|@PREFIX@|$(PREFIX)|' examples/cmake/lstm/lstm.pc.in \
	    >'$(DESTDIR)$(PREFIX)/share/pkgconfig/lstm.pc'
	@chmod 644 $(INSTALLED)

uninstall: ## remove what `make install` put there
	@rm -f $(INSTALLED)
	@rmdir '$(DESTDIR)$(PREFIX)/share/cmake/lstm' 2>/dev/null || true

test-install: ## a staged `make install`, used by pkg-config, CMake and Meson in C and C++
	@sh tests/install/run.sh

test-readme: venv ## every command and program of README.md, run in a copy of the tree
	@$(PYTHON) tests/readme/run.py

packages: $(VENV)-packages/.installed ## build/packages: Arduino, PlatformIO, ESP-IDF, Zephyr, the exporter's wheel (URL=)
	@$(VENV)-packages/bin/python examples/packages/make.py $(if $(URL),--url '$(URL)')

test-packages: packages ## each of them unpacked and used: compiled, simulated, read by its own tools
	@$(VENV)-packages/bin/python tests/packages/run.py

web: ## build/web: the speakers and the amplifier in a browser, one page and one .wasm
	@sh examples/web/build.sh

test-web: web ## that page in headless Chromium, its numbers compared with this PC's bits
	@python3 tests/web/run.py

test-std: ## the header alone: every language version, compiler and optimisation level
	@sh tests/compile/run.sh

mutants: ## break the header in many named ways and see that the tests notice each (THIRD=1: of three commits)
	@CC='$(CC)' THIRD='$(THIRD)' python3 tests/mutants/mutants.py

int8: ## lstm_int8.h: every compiler, level and processor gives the same integers
	@sh tests/int8/run.sh

mutants-int8: ## break lstm_int8.h in many named ways and see that its tests notice each
	@CC='$(CC)' python3 tests/int8/mutants.py

coverage: ## lines and branches of the header that the tests take (portable build)
	@sh tests/coverage/run.sh

digest: ## one digest of outputs for every width, compiler, level, language and processor
	@sh tests/digest/run.sh

cpus: ## x86-64 CPUs that this one is not (QEMU, Bochs with AVX-512): the run-time choice, digests
	@sh tests/cpus/run.sh

names: ## lstm.h behind the macros of Qt, curses, X11, POSIX, Arduino and the Windows SDK
	@sh tests/names/run.sh

windows: venv ## mingw-w64, zig and clang for windows-msvc: warnings, assembly, digests under Wine
	@$(PIP) -r tests/windows/requirements.txt
	@ZIG='$(PYTHON) -m ziglang' sh tests/windows/run.sh

accuracy: ## tanh, sigmoid and exp of all 2^32 floats, in ULP (STEP=n: every n-th)
	@STEP='$(or $(STEP),1)' sh tests/accuracy/run.sh

targets: ## the same program from an 8-bit AVR to Helium, RISC-V, s390x, wasm: digest, cost, budgets
	@sh tests/targets/run.sh

firmware: ## the firmware example on a Cortex-M4F (QEMU) and its sketch on an AVR, bits as the PC's
	@sh tests/targets/firmware.sh

fuzz: ## libFuzzer on layers, sizes, 8-bit weights and the data file's reader (FUZZ_SECONDS=60)
	@sh tests/fuzz/run.sh

fuzz-export: venv ## hypothesis on the exporter's readers of files (EXAMPLES_OF_EACH=60)
	@$(PIP) -r examples/export/tests/requirements.txt
	@$(PYTHON) examples/export/tests/fuzz_readers.py $(EXAMPLES_OF_EACH)

endurance: ## 10^8 steps of one stream next to double, and the cost of denormals (STEPS=n)
	@mkdir -p build
	@$(CC) -std=c99 -O2 -Iinclude -Itests tests/endurance/endurance.c -o build/endurance -lm
	@build/endurance $(STEPS)

analyze: venv ## static analysers and MISRA on the header, findings argued; stack, recursion, length and complexity
	@PYTHON='$(PYTHON)' sh tests/analyze/run.sh

sizes: ## the checks of sizes with a size_t of 16, 32 and 64 bits: AVR, ARM, i686, here
	@sh tests/sizes/run.sh

flags: ## users' flags and other compilers: same bits, same numbers, or only compiles
	@sh tests/flags/run.sh

sanitize: ## the tests under every sanitizer and valgrind, and threads that share a layer
	@sh tests/sanitize/run.sh

bench: ## lstm.h alone: times, share of the core's limits, the lines to reach (ONLY="cases weights ...", see its run.sh)
	@sh tests/bench/run.sh

bench-peers: venv ## lstm.h beside other ways to run an LSTM: one table and tests/bench/peers.svg
	@$(PIP) -r tests/bench/requirements.txt
	-@$(PIP) --no-deps -r tests/bench/requirements-alone.txt
	@$(PYTHON) tests/bench/peers.py $(PEERS)

golden: venv ## make the golden vectors again from Keras, torch and onnxruntime and compare
	@PYTHON='$(PYTHON)' sh tests/golden/check.sh
	@$(PYTHON) tests/targets/generate.py --check tests/targets/expected.h
	@$(PYTHON) tests/golden/generate_int8.py --check tests/golden/int8.txt

train-check: venv ## recompute Keras' predictions for the speakers example and compare
	@$(PYTHON) examples/speakers/train.py --check
	@$(PYTHON) examples/firmware/generate.py --check
	@$(PYTHON) examples/small_models.py --check
	@$(PYTHON) examples/amplifier/train.py --check

test-export: venv ## examples/export: models of every format and layer become C and run
	@$(PIP) -r examples/export/tests/requirements.txt
	@$(PIP) --no-deps -r examples/export/tests/requirements-alone.txt
	@$(PYTHON) examples/export/tests/run.py

export: venv ## make the examples' headers from their .keras files
	@PYTHON='$(PYTHON)' sh examples/export/headers.sh

export-check: venv ## fail if `make export` would change a header
	@PYTHON='$(PYTHON)' sh examples/export/headers.sh --check

venv: $(VENV)/.installed
$(VENV)/.installed: tests/requirements.txt
	python3 -m venv $(VENV)
	$(PIP) -r $<
	touch $@

# What makes the packages has needs of its own.
$(VENV)-packages/.installed: tests/packages/requirements.txt
	python3 -m venv $(VENV)-packages
	$(VENV)-packages/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

format: ## lay the C sources out as .clang-format says
	clang-format -i $(SOURCES)

format-check: ## fail if `make format` would change a file
	clang-format --dry-run -Werror $(SOURCES)

clean: ## remove build/
	rm -rf build

$(BUILD)/test_%: tests/test_%.c include/lstm.h include/lstm_int8.h $(wildcard tests/*.h examples/speakers/*.h) | $(BUILD)
	$(C99) $(TEST_CFLAGS) -Iexamples -Itests $< -o $@ -lm

$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz.h tests/sets.h include/lstm.h include/lstm_int8.h | $(BUILD)
	$(C99) $(TEST_CFLAGS) -Iexamples $< tests/fuzz/replay.c -o $@ -lm

$(BUILD)/tested_%: examples/%.c include/lstm.h include/lstm_int8.h $(wildcard examples/speakers/*.h examples/amplifier/*.h) | $(BUILD)
	$(C99) $(TEST_CFLAGS) $< -o $@ -lm

$(BUILD)/%: examples/%.c include/lstm.h include/lstm_int8.h $(wildcard examples/speakers/*.h examples/amplifier/*.h) | $(BUILD)
	$(C99) $< -o $@ -lm

$(BUILD)/%: examples/%.cc include/lstm.h | $(BUILD)
	$(CXX) -std=c++17 $(filter-out -Wstrict-prototypes,$(STRICT)) $(CFLAGS) -Iinclude $< -o $@

$(BUILD):
	@mkdir -p $@
