package slack_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sallyport/agent/patience"
	"sallyport/notify/slack"
	"sallyport/notify/slack/slacktest"
)

// TestFaultsOfWrites: what the caller learns about a write whose answer did not come, and that nothing is sent twice.
func TestFaultsOfWrites(t *testing.T) {
	tests := map[string]struct {
		fault   slacktest.Fault
		stored  int
		unknown bool
		limited bool
	}{
		"429":                {slacktest.Fault{Kind: slacktest.RateLimited, RetryAfter: 7}, 0, false, true},
		"429 without header": {slacktest.Fault{Kind: slacktest.RateLimitedBare}, 0, false, true},
		"ratelimited":        {slacktest.Fault{Kind: slacktest.RateLimitedOK}, 0, false, true},
		"503":                {slacktest.Fault{Kind: slacktest.ServerError}, 0, true, false},
		"late 503":           {slacktest.Fault{Kind: slacktest.LateServerError}, 1, true, false},
		"lost answer":        {slacktest.Fault{Kind: slacktest.LoseAnswer}, 1, true, false},
		"truncated":          {slacktest.Fault{Kind: slacktest.Truncate}, 1, true, false},
		"dropped":            {slacktest.Fault{Kind: slacktest.Drop}, 0, true, false},
		"hanging":            {slacktest.Fault{Kind: slacktest.Hang}, 0, true, false},
		"fatal_error":        {slacktest.Fault{Kind: slacktest.Refuse, Code: "fatal_error"}, 0, true, false},
		"refused":            {slacktest.Fault{Kind: slacktest.Refuse, Code: "restricted_action"}, 0, false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := workspace(t, nil)
			c := client(t, s, func(o *slack.Options) { o.Timeout = patience.Scaled(300 * time.Millisecond) })
			s.Fail("chat.postMessage", 1, tt.fault)
			_, err := c.PostCard(deadline(t), ops, testCard())
			if err == nil {
				t.Fatal("no error")
			}
			if got := slack.Unknown(err); got != tt.unknown {
				t.Errorf("unknown: %v (%v)", got, err)
			}
			if _, limited := slack.RetryAfter(err); limited != tt.limited {
				t.Errorf("limited: %v (%v)", limited, err)
			}
			if n := len(s.Messages(ops)); n != tt.stored {
				t.Errorf("%d messages, want %d", n, tt.stored)
			}
			if n := s.Calls("chat.postMessage"); n != 1 {
				t.Errorf("%d requests", n)
			}
			_, found, err := c.FindCard(deadline(t), ops, 12, testCard().Agent, "")
			if err != nil || found != (tt.stored > 0) {
				t.Errorf("found %v, %v", found, err)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		s := workspace(t, nil)
		c := client(t, s, nil)
		s.Close()
		if _, err := c.PostCard(deadline(t), ops, testCard()); err == nil || slack.Unknown(err) {
			t.Errorf("a request that never left: %v", err)
		}
	})
	t.Run("duplicate", func(t *testing.T) {
		s := workspace(t, nil)
		s.Fail("chat.postMessage", 1, slacktest.Fault{Kind: slacktest.Duplicate})
		if _, err := client(t, s, nil).PostCard(deadline(t), ops, testCard()); err != nil || len(s.Messages(ops)) != 2 {
			t.Error(err, len(s.Messages(ops)))
		}
	})
	t.Run("canceled while it hangs", func(t *testing.T) {
		s := workspace(t, nil)
		c := client(t, s, nil)
		s.Fail("chat.postMessage", 1, slacktest.Fault{Kind: slacktest.Hang})
		ctx, cancel := context.WithCancel(deadline(t))
		go func() {
			_ = s.WaitFor(deadline(t), func() bool { return s.Calls("hanging") == 1 })
			cancel()
		}()
		if _, err := c.PostCard(ctx, ops, testCard()); !errors.Is(err, context.Canceled) || !slack.Unknown(err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestFaultsOfUploads(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	parent := must[string](t)(c.PostCard(deadline(t), ops, testCard()))
	file := slack.File{Channel: ops, Thread: parent, Name: "plan.txt", Content: "plan"}
	for _, method := range []string{"files.getUploadURLExternal", "upload"} {
		s.Fail(method, 1, slacktest.Fault{Kind: slacktest.ServerError})
		if _, err := c.UploadFile(deadline(t), file); err == nil || slack.Unknown(err) {
			t.Errorf("%s: nothing was shared, so nothing is unknown: %v", method, err)
		}
	}
	s.Fail("files.completeUploadExternal", 1, slacktest.Fault{Kind: slacktest.LoseAnswer})
	if _, err := c.UploadFile(deadline(t), file); !slack.Unknown(err) {
		t.Errorf("got %v", err)
	}
	link, found, err := c.FindFile(deadline(t), ops, parent, "plan.txt")
	if err != nil || !found || link != s.Permalink(s.Files()[0]) {
		t.Errorf("found %v at %q, %v", found, link, err)
	}
}

// TestRateLimits: a limited method rests until its time is over, without requests; other methods go on.
func TestRateLimits(t *testing.T) {
	s := workspace(t, nil)
	time0 := &clock{now: time.Unix(1_800_000_000, 0)}
	c := client(t, s, func(o *slack.Options) { o.Now = time0.Now })
	s.Fail("conversations.history", 1, slacktest.Fault{Kind: slacktest.RateLimited, RetryAfter: 30})
	_, err := c.History(deadline(t), ops, "")
	if d, ok := slack.RetryAfter(err); !ok || d != 30*time.Second || slack.Permanent(err) {
		t.Fatalf("got %v", err)
	}
	time0.now = time0.now.Add(20 * time.Second)
	_, err = c.History(deadline(t), ops, "")
	if d, ok := slack.RetryAfter(err); !ok || d != 10*time.Second || s.Calls("conversations.history") != 1 {
		t.Fatalf("got %v after %d requests", err, s.Calls("conversations.history"))
	}
	if _, err := c.PostCard(deadline(t), ops, testCard()); err != nil {
		t.Errorf("another method rests, too: %v", err)
	}
	time0.now = time0.now.Add(10 * time.Second)
	if _, err := c.History(deadline(t), ops, ""); err != nil || s.Calls("conversations.history") != 2 {
		t.Errorf("got %v", err)
	}
	s.Fail("conversations.history", 1, slacktest.Fault{Kind: slacktest.RateLimited, RetryAfter: 999999})
	_, err = c.History(deadline(t), ops, "")
	if d, _ := slack.RetryAfter(err); d != 15*time.Minute {
		t.Errorf("an absurd time is obeyed: %s", d)
	}
}
