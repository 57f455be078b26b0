# SPDX-License-Identifier: Apache-2.0
#
# make            the three programs, in build/
# make check      installs what it needs, builds, runs every test
# make demo       the whole story, from a request to a verified replay
# make bench      speed, memory and scale beside the peers, as ratios
# make layers     proves that no floor uses a floor above it
# make lint       clang-tidy, cppcheck, shellcheck, mandoc
# SAN=1           with AddressSanitizer and UndefinedBehaviorSanitizer, in build-san/

PREFIX  ?= /usr/local
DESTDIR ?=
SAN     ?=
CC      ?= cc
PKGS    := libcrypto libconfig sqlite3 jansson libssh libseccomp
VERSION := 0.1

B := build$(if $(SAN),-san)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wformat=2 -Wundef -Werror
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
, := ,
SANITIZE := $(if $(SAN),-fsanitize=address$(,)undefined -fno-sanitize-recover=undefined)
OPT     := $(if $(SAN),-O1 -g -fno-omit-frame-pointer $(SANITIZE),-O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
CPPFLAGS += -D_GNU_SOURCE -DPOSTERN_VERSION='"$(VERSION)"' -Iinclude -I. $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
CFLAGS  = -std=c17 $(OPT) $(WARN) $(HARDEN) $(EXTRA_CFLAGS)
LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SANITIZE) $(if $(SAN),-static-libasan)
LIBS    := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

FLOORS   := ca recorder bastion
PROGRAMS := $(FLOORS:%=$(B)/postern-%)

# A floor's library is everything in its folder but main*.c and the verbs (cmd_*.c).
verbs = $(wildcard $(1)/main*.c $(1)/cmd_*.c)
lib   = $(filter-out $(call verbs,$(1)),$(wildcard $(1)/*.c))
objs  = $(patsubst %.c,$(B)/%.o,$(1))

UNIT  := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
FUZZ  := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
TOOLS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/e2e/*.c tests/bench/*.c))
STATIC := $(B)/libbastion.a $(B)/librecorder.a $(B)/libca.a

all: $(PROGRAMS)

define floor
$(B)/lib$(1).a: $(call objs,$(call lib,$(1)))
	@echo '  AR      $$@'; rm -f $$@; $(AR) rcs $$@ $$^
endef
$(foreach f,$(FLOORS),$(eval $(call floor,$(f))))

# The authority's verbs write the log, so they are linked above both libraries.
$(B)/postern-ca: $(call objs,$(call verbs,ca)) $(B)/librecorder.a $(B)/libca.a
$(B)/postern-recorder: $(call objs,$(call verbs,recorder)) $(B)/librecorder.a $(B)/libca.a
$(B)/postern-bastion: $(call objs,$(call verbs,bastion)) $(STATIC)
$(PROGRAMS):
	@echo '  LD      $@'; $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(UNIT): $(B)/tests/unit/%: $(B)/tests/unit/%.o $(STATIC)
	@echo '  LD      $@'; $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
$(FUZZ): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/seeds.o $(STATIC)
	@echo '  LD      $@'; $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
$(TOOLS): $(B)/tests/%: $(B)/tests/%.o $(STATIC)
	@echo '  LD      $@'; $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/%.o: %.c
	@mkdir -p $(@D); echo '  CC      $<'; $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# libssh 0.11 deprecates what 0.10 has no other name for.
$(TOOLS:%=%.o): WARN += -Wno-deprecated-declarations

tests: $(PROGRAMS) $(UNIT) $(FUZZ) $(TOOLS)

deps:
	@packaging/install-dependencies build run test

check: deps
	@packaging/install-dependencies server
	@$(MAKE) --no-print-directory tests layers
	@BUILD=$(B) tests/run

demo: deps
	@$(MAKE) --no-print-directory -s all
	@BUILD=$(B) tests/demo

bench:
	@packaging/install-dependencies build run test bench
	@$(MAKE) --no-print-directory tests
	@BUILD=$(B) tests/bench/run

layers: $(STATIC)
	@BUILD=$(B) tests/layers

lint:
	@packaging/install-dependencies build lint
	@tests/lint

# Two minutes of libFuzzer for each target, from the seeds that `make check` runs.
fuzz:
	@packaging/install-dependencies build lint
	@tests/fuzz/run

# Samples name the programs where they are; units too.
SAMPLES := $(DESTDIR)$(PREFIX)/share/doc/postern
UNITS := $(DESTDIR)$(PREFIX)/lib/systemd/system
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(SAMPLES)/roles $(UNITS) \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man8 \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	install -m 755 $(B)/postern-ca $(B)/postern-recorder $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(B)/postern-bastion $(DESTDIR)$(PREFIX)/sbin
	install -m 644 ca/postern-ca.1 recorder/postern-recorder.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 bastion/postern-bastion.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 README.md LICENSE conf/*.conf conf/*.sample $(SAMPLES)
	install -m 644 conf/roles/*.conf $(SAMPLES)/roles
	sed -i 's,"/usr/bin/postern-,"$(PREFIX)/bin/postern-,' $(SAMPLES)/roles/*.conf
	install -m 644 packaging/*.service $(UNITS)
	sed -i 's,@SBINDIR@,$(PREFIX)/sbin,' $(UNITS)/postern-*.service
	install -m 644 packaging/postern.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/postern.conf
	install -m 644 packaging/postern.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/postern.conf

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,bin/postern-ca bin/postern-recorder \
		sbin/postern-bastion share/man/man1/postern-ca.1 \
		share/man/man1/postern-recorder.1 share/man/man8/postern-bastion.8 \
		lib/sysusers.d/postern.conf lib/tmpfiles.d/postern.conf)
	rm -f $(patsubst packaging/%,$(UNITS)/%,$(wildcard packaging/*.service))
	rm -rf $(SAMPLES)

clean:
	rm -rf build build-san build-fuzz

.PHONY: all tests deps check demo bench layers lint fuzz install uninstall clean
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
