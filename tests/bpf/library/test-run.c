/* SPDX-License-Identifier: MIT */
/* What <xdptap/tap.h> says of programs without a loop of their own: xdptap_open_on() and xdptap_run(). */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "tests/bpf/library/veth.h"

static volatile sig_atomic_t handled;
static int to_send; /* the next signal; 0: none */

static void handle(int number)
{
	handled = number;
}

static void raise_signal(struct xdptap *t)
{
	(void)t;
	if (to_send)
		g_assert_cmpint(kill(getpid(), to_send), ==, 0);
	to_send = 0;
	veth_send("far", 1000, 5); /* what comes after it is given out, too */
}

static void test_open_on(void)
{
	struct xdptap *t = (struct xdptap *)1, *none = t;

	assert_failed(xdptap_open_on("nowhere", &t), -ENODEV, NULL, "no interface \"nowhere\"");
	g_assert_true(t == none);
	g_assert_cmpint(xdptap_open_on("near", &t), ==, 0);
	g_assert_cmpuint(attachment_of(t, 0).is_attached, ==, 1);
	g_assert_cmpuint(attachment_of(t, 0).point, ==, XDPTAP_XDP);
	g_assert_cmpint(xdptap_error(t)->code, ==, 0);
	xdptap_close(t);
}

static void end_by(int number)
{
	struct near n = near_begin(XDPTAP_AUTO);
	sigset_t blocked;

	handled = 0;
	to_send = number;
	n.taken->inside = raise_signal;
	veth_send("far", 0, 5);
	g_assert_cmpint(xdptap_run(n.t, take, n.taken), ==, 0);
	g_assert_cmpint(to_send, ==, 0);
	g_assert_cmpint(handled, ==, 0);
	g_assert_cmpint(sigprocmask(SIG_SETMASK, NULL, &blocked), ==, 0);
	g_assert_false(sigismember(&blocked, SIGINT) || sigismember(&blocked, SIGTERM));
	g_assert_cmpuint(n.taken->frames->len, >=, 10);
	g_assert_cmpuint(stats_of(n.t, 0).delivered, ==, n.taken->frames->len);
	g_assert_cmpuint(stats_of(n.t, 0).pending, ==, 0);
	g_assert_cmpuint(attachment_of(n.t, 0).is_attached, ==, 0);
	assert_failed(xdptap_run(n.t, take, n.taken), -EINVAL, n.t, "has ended");
	near_end(&n);
}

/* A signal ends it, after all frames; neither does it kill, nor does a handler see it. */
static void test_signals(void)
{
	end_by(SIGTERM);
	end_by(SIGINT);
	g_assert_true(signal(SIGTERM, handle) != SIG_ERR);
	end_by(SIGTERM);
	g_assert_cmpint(raise(SIGTERM), ==, 0); /* now the handler does */
	g_assert_cmpint(handled, ==, SIGTERM);
	g_assert_true(signal(SIGTERM, SIG_DFL) != SIG_ERR);
}

/* One that is ignored stays ignored; the next one, SIGTERM, ends it. */
static void raise_ignored(struct xdptap *t)
{
	g_assert_cmpint(kill(getpid(), stats_of(t, 0).delivered < 10 ? SIGINT : SIGTERM), ==, 0);
	if (stats_of(t, 0).delivered < 10)
		veth_send("far", 2000, 5);
}

static void test_ignored(void)
{
	struct near n = near_begin(XDPTAP_AUTO);

	g_assert_true(signal(SIGINT, SIG_IGN) != SIG_ERR);
	n.taken->inside = raise_ignored;
	veth_send("far", 0, 5);
	g_assert_cmpint(xdptap_run(n.t, take, n.taken), ==, 0);
	g_assert_cmpuint(n.taken->frames->len, ==, 10);
	g_assert_true(signal(SIGINT, SIG_DFL) != SIG_ERR);
	near_end(&n);
}

static void run_inside(struct xdptap *t)
{
	assert_failed(xdptap_run(t, take, NULL), -EINVAL, t, "being given out");
}

/* Any answer but 0 ends it, and the tap captures on. */
static void test_answers(void)
{
	struct near n = near_begin(XDPTAP_AUTO);

	n.taken->inside = run_inside;
	for (int answer = 5; answer >= -5; answer -= 10) {
		n.taken->answer = answer;
		veth_send("far", 0, 1);
		g_assert_cmpint(xdptap_run(n.t, take, n.taken), ==, answer);
		g_assert_cmpuint(attachment_of(n.t, 0).is_attached, ==, 1);
	}
	g_assert_cmpuint(n.taken->frames->len, ==, 2);
	near_end(&n);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	veth_test("/library/run/open-on", test_open_on);
	veth_test("/library/run/signals", test_signals);
	veth_test("/library/run/ignored", test_ignored);
	veth_test("/library/run/answers", test_answers);
	return g_test_run();
}
