package notify_test

import (
	"strings"
	"testing"

	"sallyport/notify"
)

func TestNearDecision(t *testing.T) {
	for want, list := range map[notify.Near][]string{
		notify.NearApprove: {
			"ok", "OK.", "okay", "lgtm", "LGTM!", "yes", "Yes!!", "+1", "aprove", "Approved", "approved.", "approvd", "apporve", "approves", "/approve", "!approve",
			"destroy", "destroy 1", "destory", "aprove destroy", "approved destroy 1 2", "aprove destory aws_ebs_volume.v", "👍", "👍🏽", "🚀 ✅", ":+1:", ":thumbsup::skin-tone-3:",
			":white_check_mark: :rocket:", "ship it", "go ahead", "*ok*", "`lgtm`", "aprove 1",
		},
		notify.NearDeny: {"no", "Nope.", "-1", "denied", "denied: wrong zone", "dney", "deney not tonight", "reject", "stop", "👎", ":-1:", ":thumbsdown:", "❌", ":x:"},
		notify.NearPlan: {"retry", "Again!", "try again", "rerun", "plan"},
		notify.Talk: {
			"", "looks good to me", "looks good to me, shall I approve?", "ok?", "retry?", "ok, I will look at it after lunch", "yes but wait for joe", "no idea who made this",
			"approved by the board last week", "I approved the other one", "who may approve this?", "can we destroy it later", "destroy would be a shame", "a word", "improve",
			"let me see", "thanks", "1", "42", "stop it with the jokes", "go away", "~approve~", "~ok~", "the disk is :fire: again", "<@U01JOE> ok",
			// What is a decision, or complained about, is no business of this.
			"approve", "approve destroy 1", "deny", "deny not now", "approve please", "approve!",
		},
	} {
		for _, text := range list {
			if got := notify.NearDecision(text); got != want {
				t.Errorf("%q is %q, want %q", text, got, want)
			}
		}
	}
}

// Whatever is nearly a decision is none, and is not complained about besides.
func FuzzNearDecision(f *testing.F) {
	for _, s := range []string{"aprove", "ok", "approve destroy 1", ":+1:", "👍", "<@U0SALLY> approve", "deny", "~approve~"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, ok, complaint := notify.ParseDecision(text)
		if near := notify.NearDecision(text); near != notify.Talk && ok {
			t.Fatalf("%q is a decision and nearly one (%s), complaint %q", text, near, complaint)
		}
	})
}

// The mention of the bot in front changes nothing, and nothing else does either: what did not count without it does not count with it.
func FuzzMention(f *testing.F) {
	for _, s := range []string{"approve", " approve", ": approve", "*approve*", "approve destroy 1", "<@U0SALLY> approve", "please approve", "deny x", ", deny", "> approve"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rest, ok := notify.CutMention("<@U0SALLY>"+text, "U0SALLY")
		if !ok {
			t.Fatalf("%q does not begin with the mention", text)
		}
		if left := strings.TrimLeft(text, " \t\r\n\v\f,:"); left != rest && !strings.HasSuffix(text, rest) {
			t.Fatalf("%q became %q", text, rest)
		}
		if removed := strings.TrimSuffix(text, rest); strings.Trim(removed, " \t\r\n\v\f,:") != "" {
			t.Fatalf("of %q was cut %q", text, removed)
		}
		for _, other := range []string{text, "<@U0OTHER>" + text, "hey <@U0SALLY>" + text} {
			if got, ok := notify.CutMention(other, "U0SALLY"); ok && !strings.HasPrefix(strings.TrimLeft(other, " \t\r\n\v\f"), "<@U0SALLY") {
				t.Fatalf("%q was cut to %q", other, got)
			}
		}
	})
}

// A complaint names what an approval of the plan has to say, and not what another plan wants.
func TestComplaintsNameWhatThePlanWants(t *testing.T) {
	vital := plan(protected(change("aws_ebs_volume.v", "delete", "create")), change("aws_x.a", "delete"))
	for said, want := range map[string]string{
		"approve!":               "an approval is its words and nothing else; reply: approve destroy 1",
		"approve destory":        `"approve destory" is more than a decision, so it is not taken as one. Reply only: approve destroy 1`,
		"approve destroy volume": `"volume" is neither an address nor a number of the card. Reply: approve destroy 1`,
	} {
		if _, ok, complaint := notify.ParseDecisionFor(said, vital); ok || complaint != want {
			t.Errorf("%s: %v, %q", said, ok, complaint)
		}
	}
	_, _, complaint := notify.ParseDecisionFor("approve!", plan(change("aws_x.a", "create")))
	if want := "an approval is the one word and nothing else; reply: approve"; complaint != want {
		t.Errorf("%q", complaint)
	}
}
