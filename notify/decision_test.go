package notify_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/notify"
	"sallyport/store"
)

func TestParseDecision(t *testing.T) {
	approve, deny := store.Approve, store.Deny
	tests := map[string]struct {
		in   string
		want notify.Words
	}{
		"plain":                    {"approve", notify.Words{Verdict: approve}},
		"phone":                    {"  Approve. ", notify.Words{Verdict: approve}},
		"shouting":                 {"APPROVE", notify.Words{Verdict: approve}},
		"bold":                     {"*approve*", notify.Words{Verdict: approve}},
		"code":                     {"`approve`", notify.Words{Verdict: approve}},
		"fence":                    {"```\napprove\n```", notify.Words{Verdict: approve}},
		"quoted":                   {"“approve”", notify.Words{Verdict: approve}},
		"zero width":               {"\u200bapp\u200brove\ufeff", notify.Words{Verdict: approve}},
		"destroy":                  {"approve destroy", notify.Words{Verdict: approve, Destroy: true}},
		"destroy in code":          {"`approve destroy`.", notify.Words{Verdict: approve, Destroy: true}},
		"two lines":                {"Approve\ndestroy", notify.Words{Verdict: approve, Destroy: true}},
		"no-break blank":           {"approve\u00a0destroy\u2009 1", notify.Words{Verdict: approve, Destroy: true, Names: []string{"1"}}},
		"numbers":                  {"approve destroy #1, 2 and 3.", notify.Words{Verdict: approve, Destroy: true, Names: []string{"#1", "2", "3"}}},
		"mixed":                    {"approve destroy 2 aws_ebs_volume.ghe_vol", notify.Words{Verdict: approve, Destroy: true, Names: []string{"2", "aws_ebs_volume.ghe_vol"}}},
		"link":                     {"approve destroy <http://aws_instance.app|aws_instance.app>", notify.Words{Verdict: approve, Destroy: true, Names: []string{"aws_instance.app"}}},
		"link in a key":            {`approve destroy aws_x.y["<http://x.app|x.app>"]`, notify.Words{Verdict: approve, Destroy: true, Names: []string{`aws_x.y["x.app"]`}}},
		"link without label":       {`approve destroy aws_x.y["<https://x.app>"]`, notify.Words{Verdict: approve, Destroy: true, Names: []string{`aws_x.y["https://x.app"]`}}},
		"blank in a key":           {`approve destroy module.a["x y"].aws_ebs_volume.v[0], b.c`, notify.Words{Verdict: approve, Destroy: true, Names: []string{`module.a["x y"].aws_ebs_volume.v[0]`, "b.c"}}},
		"curled quotes":            {"approve destroy module.a[“x y”].b.c", notify.Words{Verdict: approve, Destroy: true, Names: []string{`module.a["x y"].b.c`}}},
		"comma in a key":           {`approve destroy a.b["x, y"]`, notify.Words{Verdict: approve, Destroy: true, Names: []string{`a.b["x, y"]`}}},
		"escaped quote in a key":   {`approve destroy a.b["x\" y"] c.d`, notify.Words{Verdict: approve, Destroy: true, Names: []string{`a.b["x\" y"]`, "c.d"}}},
		"ampersand":                {`approve destroy a.b["x&amp;y"]`, notify.Words{Verdict: approve, Destroy: true, Names: []string{`a.b["x&y"]`}}},
		"escaped twice stays once": {`approve destroy a.b["&amp;lt;"]`, notify.Words{Verdict: approve, Destroy: true, Names: []string{`a.b["&lt;"]`}}},
		"long dash":                {"approve destroy aws_x.a—b", notify.Words{Verdict: approve, Destroy: true, Names: []string{"aws_x.a-b"}}},
		"names in code":            {"approve destroy `aws_x.a` `aws_x.b`", notify.Words{Verdict: approve, Destroy: true, Names: []string{"aws_x.a", "aws_x.b"}}},
		"case of addresses stays":  {"Approve Destroy aws_x.Foo", notify.Words{Verdict: approve, Destroy: true, Names: []string{"aws_x.Foo"}}},
		"deny":                     {"deny", notify.Words{Verdict: deny}},
		"deny with reason":         {"Deny wrong zone, see <http://wiki.x|wiki.x>!", notify.Words{Verdict: deny, Reason: "wrong zone, see wiki.x!"}},
		"deny with punctuation":    {"deny: not tonight", notify.Words{Verdict: deny, Reason: "not tonight"}},
		"deny with a dash":         {"deny — not tonight", notify.Words{Verdict: deny, Reason: "not tonight"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok, complaint := notify.ParseDecision(tt.in)
			if !ok || complaint != "" {
				t.Fatalf("ParseDecision(%q): ok %v, complaint %q", tt.in, ok, complaint)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestParseDecisionIsNone(t *testing.T) {
	talk := []string{
		"", "   ", "looks good", "approved", "I approve", "approving now", "should we approve?", "denied", "deny-list is wrong",
		"~approve~", "<@U01JANE> approve", "<!channel> approve", "👍", "> approve", "apρrove", // a Greek rho
	}
	for _, in := range talk {
		if w, ok, complaint := notify.ParseDecision(in); ok || complaint != "" {
			t.Errorf("ParseDecision(%q) = %+v, %v, %q; it is talk", in, w, ok, complaint)
		}
	}
	complaints := []string{
		"approve please", "approve?", "approve!", "approve, but wait", "approve 2", "approve all", "approve destroy everything",
		"approve destroy all", "approve\n\ndestroying things", "approve <@U01JANE>", "approve and destroy", "approve…",
		`approve destroy a.b["x`, "approve destroy a.b[0", "approve destroy 1 thanks", "*approve* or *deny*", "deny?",
		"approve deny", "approve or deny",
	}
	for _, in := range complaints {
		if w, ok, complaint := notify.ParseDecision(in); ok || complaint == "" {
			t.Errorf("ParseDecision(%q) = %+v, %v, %q; it wants a complaint", in, w, ok, complaint)
		}
	}
}

func plan(changes ...store.Change) *store.Plan {
	p := &store.Plan{Digest: strings.Repeat("3f2a9c01", 8), Changes: changes}
	for _, c := range changes {
		for _, a := range c.Actions {
			switch a {
			case "create":
				p.Add++
			case "update":
				p.Change++
			case "delete":
				p.Destroy++
			}
		}
	}
	return p
}

func change(address string, actions ...string) store.Change {
	return store.Change{Address: address, Actions: actions, Class: store.ClassConfig}
}

func protected(c store.Change) store.Change {
	c.Protected = true
	return c
}

func classed(c store.Change, class store.Class) store.Change {
	c.Class = class
	return c
}

func TestCovers(t *testing.T) {
	creates := plan(change("aws_x.a", "create"))
	destroys := plan(change("aws_x.a", "delete"), change("aws_x.b", "create"))
	vital := plan(protected(change("aws_ebs_volume.v", "delete", "create")), change("aws_x.a", "delete"),
		protected(change(`module.m["x y"].aws_ebs_volume.w["a—b"]`, "forget")))
	gone := plan(protected(classed(change("aws_ebs_volume.v", "create"), store.ClassRecreate)))
	twins := plan(protected(change(`a.b["x-y"]`, "delete")), protected(change(`a.b["x—y"]`, "delete")))
	strange := plan(unknown(change("plan.rockets", "unknown")), protected(change("aws_ebs_volume.v", "delete")))
	tests := map[string]struct {
		words   string
		plan    *store.Plan
		missing string // part of the answer; empty: it covers
	}{
		"plain":                         {"approve", creates, ""},
		"superfluous destroy":           {"approve destroy", creates, ""},
		"superfluous name":              {"approve destroy 1", creates, ""},
		"no plan":                       {"approve", nil, "no plan"},
		"deny":                          {"deny", vital, ""},
		"destroy left out":              {"approve", destroys, "destroys 1 resource, so a plain approve is not enough. Reply: approve destroy"},
		"destroy":                       {"approve destroy", destroys, ""},
		"protected, nothing named":      {"approve destroy", vital, `aws_ebs_volume.v (number 1), module.m["x y"].aws_ebs_volume.w["a—b"] (number 3). Reply: approve destroy 1 3`},
		"protected, plain":              {"approve", vital, "2 protected addresses must be named. Reply: approve destroy 1 3"},
		"protected, one named":          {"approve destroy 1", vital, "(number 3). Reply: approve destroy 1 3"},
		"protected, the other":          {"approve destroy 3 2", vital, "aws_ebs_volume.v (number 1)"},
		"protected, by number":          {"approve destroy #1 3", vital, ""},
		"protected, by address":         {`approve destroy aws_ebs_volume.v module.m[“x y”].aws_ebs_volume.w["a--b"]`, vital, ""},
		"protected, single quotes":      {`approve destroy 1 module.m['x y'].aws_ebs_volume.w['a-b']`, vital, ""},
		"unknown number":                {"approve destroy 4", vital, "The card has no number 4. Reply: approve destroy 1 3"},
		"number zero":                   {"approve destroy 0 1 3", vital, "no number 0"},
		"unknown address":               {"approve destroy 1 3 aws_x.c", vital, "Nothing in this plan has the address aws_x.c"},
		"case of an address counts":     {"approve destroy 3 aws_ebs_volume.V", vital, "aws_ebs_volume.V"},
		"part of an address":            {"approve destroy 3 ebs_volume.v", vital, "Nothing in this plan"},
		"vanished protected, plain":     {"approve", gone, "In this plan 1 protected address must be named. Reply: approve destroy 1"},
		"vanished protected, named":     {"approve destroy 1", gone, ""},
		"unknown, plain":                {"approve", strange, "1 change that sallyport does not know and 1 protected address must be named. Reply: approve destroy 1 2"},
		"unknown, one named":            {"approve destroy plan.rockets", strange, "Protected or unknown, and not named: aws_ebs_volume.v (number 2)"},
		"unknown, both named":           {"approve destroy plan.rockets 2", strange, ""},
		"two look alike, exact is fine": {`approve destroy a.b["x-y"] 2`, twins, ""},
		"two look alike, typed":         {`approve destroy a.b["x--y"]`, twins, "could be number 1 or number 2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, ok, complaint := notify.ParseDecision(tt.words)
			if !ok {
				t.Fatal(complaint)
			}
			missing, ok := w.Covers(tt.plan)
			if ok != (tt.missing == "") || !strings.Contains(missing, tt.missing) {
				t.Errorf("Covers: %v, %q, want %q", ok, missing, tt.missing)
			}
			// What is suggested must do.
			if _, reply, found := strings.Cut(missing, "Reply: "); found {
				w, ok, complaint := notify.ParseDecision(reply)
				if !ok {
					t.Fatalf("the suggested %q is no decision: %s", reply, complaint)
				}
				if missing, ok := w.Covers(tt.plan); !ok {
					t.Errorf("the suggested %q is not enough: %s", reply, missing)
				}
			}
		})
	}
}

// On the command line the answer names the run, says why in addresses, and the line that does.
func TestCoversInShell(t *testing.T) {
	vital := protected(change("terraform_data.ghe_vol", "delete"))
	for name, tt := range map[string]struct {
		words     string
		plan      *store.Plan
		why, line string
	}{
		"enough":         {"approve destroy 1", plan(vital), "", ""},
		"protected":      {"approve", plan(vital), "#7 destroys terraform_data.ghe_vol, which is protected and must be named", "sallyport approve 7 destroy 1"},
		"not named":      {"approve destroy", plan(vital), "#7 destroys terraform_data.ghe_vol, which is protected and must be named", "sallyport approve 7 destroy 1"},
		"ordinary":       {"approve", plan(change("a.b", "delete")), "#7 destroys a.b, so a plain approve is not enough", "sallyport approve 7 destroy"},
		"several":        {"approve", plan(vital, change("a.b", "delete")), "#7 destroys terraform_data.ghe_vol, a.b, and terraform_data.ghe_vol must be named", "sallyport approve 7 destroy 1"},
		"not destroyed":  {"approve", plan(protected(classed(change("a.b", "create"), store.ClassRecreate))), "#7 touches a.b, which is protected and must be named", "sallyport approve 7 destroy 1"},
		"unknown":        {"approve", plan(unknown(change("a.b", "unknown"))), "#7 touches a.b, which sallyport does not know and must be named", "sallyport approve 7 destroy 1"},
		"counts only":    {"approve", &store.Plan{Destroy: 2}, "#7 destroys 2 resources, so a plain approve is not enough", "sallyport approve 7 destroy"},
		"another number": {"approve destroy 9", plan(vital), "#7: The card has no number 9", "sallyport approve 7 destroy 1"},
		"no plan":        {"approve", nil, "There is no plan to approve yet.", ""},
		"deny":           {"deny", plan(vital), "", ""},
	} {
		w, ok, complaint := notify.ParseDecision(tt.words)
		if !ok {
			t.Fatal(complaint)
		}
		if why, line := w.CoversInShell(7, tt.plan); why != tt.why || line != tt.line {
			t.Errorf("%s: %q, %q", name, why, line)
		}
	}
}

// TestCoversNothingElse: whatever is typed, a protected destroy never passes without its name or number.
func FuzzDecision(f *testing.F) {
	for _, s := range []string{"approve destroy 1", "approve destroy aws_ebs_volume.v", "approve destroy <http://a.b|a.b>", "deny x", `approve destroy a["`, "*approve*"} {
		f.Add(s)
	}
	p := plan(protected(change("aws_ebs_volume.v", "delete")), change("aws_x.a", "create"))
	f.Fuzz(func(t *testing.T, text string) {
		w, ok, complaint := notify.ParseDecision(text)
		if ok && complaint != "" {
			t.Fatalf("both a decision and a complaint: %q", text)
		}
		if !ok {
			return
		}
		if _, covers := w.Covers(p); covers && w.Verdict == store.Approve {
			if !w.Destroy || !strings.Contains(text, "1") && !strings.Contains(text, "ebs") {
				t.Fatalf("%q covers a protected destroy", text)
			}
		}
	})
}

func TestParseCommand(t *testing.T) {
	tests := map[string]struct {
		in   string
		want notify.Command
	}{
		"status":                 {"<@U0SALLY> status", notify.Command{Verb: "status"}},
		"named mention":          {"<@U0SALLY|sallyport> Status.", notify.Command{Verb: "status"}},
		"colon":                  {" <@U0SALLY>:  help", notify.Command{Verb: "help"}},
		"two in two lines":       {"<@U0SALLY> plan ghe\n plan wiki now", notify.Command{Verb: "plan", Args: []string{"ghe"}, More: "plan wiki now"}},
		"two with the name":      {"<@U0SALLY> cancel 3 <@U0SALLY|sallyport>: cancel 4", notify.Command{Verb: "cancel", Args: []string{"3"}, More: "cancel 4"}},
		"a reason of two lines":  {"<@U0SALLY> pause ghe the storm is\ncoming, <@U0SALLY> knows", notify.Command{Verb: "pause", Args: []string{"ghe"}, Reason: "the storm is coming, <@U0SALLY> knows"}},
		"not a command in front": {"<@U0SALLY> thanks\nstatus is fine", notify.Command{Args: []string{"thanks", "status", "is", "fine"}}},
		"plan":                   {"<@U0SALLY> plan ghe", notify.Command{Verb: "plan", Args: []string{"ghe"}}},
		"plan with reason":       {"<@U0SALLY> plan ghe the node is gone.", notify.Command{Verb: "plan", Args: []string{"ghe"}, Reason: "the node is gone"}},
		"plan link":              {"<@U0SALLY> plan <http://x.app|x.app>", notify.Command{Verb: "plan", Args: []string{"x.app"}}},
		"plan in code":           {"<@U0SALLY> `plan ghe`", notify.Command{Verb: "plan", Args: []string{"ghe"}}},
		"stack in code":          {"<@U0SALLY> plan `ghe` now", notify.Command{Verb: "plan", Args: []string{"ghe"}, Reason: "now"}},
		"plan options": {`<@U0SALLY> plan ghe --replace 'aws_instance.ghe["a b"]' —replace=aws_eip.x --Refresh-Only it hangs -- again`, notify.Command{
			Verb: "plan", Args: []string{"ghe"}, Reason: "it hangs -- again",
			Plan: notify.PlanWords{Replace: []string{`aws_instance.ghe["a b"]`, "aws_eip.x"}, RefreshOnly: true},
		}},
		"plan targets": {"<@U0SALLY> plan ghe —target module.net --target=`aws_x.y[\"a b\"]` only these", notify.Command{
			Verb: "plan", Args: []string{"ghe"}, Reason: "only these", Plan: notify.PlanWords{Targets: []string{"module.net", `aws_x.y["a b"]`}},
		}},
		"target in a reason": {"<@U0SALLY> plan ghe only —target module.net", notify.Command{Verb: "plan", Args: []string{"ghe"}, Plan: notify.PlanWords{
			Wrong: "--target would be a part of the reason there; options come first, right behind the stack, and then the reason",
		}}},
		"plan commit and vars": {"<@U0SALLY> plan ghe --commit `1a2b3c4` --var snapshot=snap-1 --var=“note=two words” --destroy", notify.Command{
			Verb: "plan", Args: []string{"ghe"},
			Plan: notify.PlanWords{Commit: "1a2b3c4", Vars: map[string]string{"snapshot": "snap-1", "note": "two words"}, Destroy: true},
		}},
		"plan image": {"<@U0SALLY> recover ghe --image base=ami-1", notify.Command{
			Verb: "recover", Args: []string{"ghe"}, Plan: notify.PlanWords{Images: map[string]string{"base": "ami-1"}},
		}},
		"unknown option": {"<@U0SALLY> plan ghe --replcae aws_eip.x", notify.Command{Verb: "plan", Args: []string{"ghe"}, Plan: notify.PlanWords{
			Wrong: "there is no option --replcae: they are --commit, --replace, --target, --refresh-only, --destroy, --empty-state, --var, --image, --reason",
		}}},
		"option after a reason": {
			"<@U0SALLY> plan ghe worn out —destroy",
			notify.Command{Verb: "plan", Args: []string{"ghe"}, Plan: notify.PlanWords{
				Wrong: "--destroy would be a part of the reason there; options come first, right behind the stack, and then the reason",
			}},
		},
		"option behind a dash alone": {
			"<@U0SALLY> plan ghe — destroy",
			notify.Command{Verb: "plan", Args: []string{"ghe"}, Plan: notify.PlanWords{
				Wrong: "--destroy would be a part of the reason there; options come first, right behind the stack, and then the reason",
			}},
		},
		"option in a reason of its own": {
			"<@U0SALLY> plan ghe --reason no --destroy today",
			notify.Command{Verb: "plan", Args: []string{"ghe"}, Reason: "no --destroy today"},
		},
		"dash in a reason": {
			"<@U0SALLY> plan ghe it is broken - replace it",
			notify.Command{Verb: "plan", Args: []string{"ghe"}, Reason: "it is broken - replace it"},
		},
		"option without value": {"<@U0SALLY> plan ghe --commit", notify.Command{Verb: "plan", Args: []string{"ghe"}, Plan: notify.PlanWords{Wrong: "something is missing after --commit"}}},
		"var without value":    {"<@U0SALLY> plan ghe --var snapshot", notify.Command{Verb: "plan", Args: []string{"ghe"}, Plan: notify.PlanWords{Wrong: "it is --var NAME=VALUE"}}},
		"long dash":            {"<@U0SALLY> plan services–jira", notify.Command{Verb: "plan", Args: []string{"services-jira"}}},
		"plan nothing":         {"<@U0SALLY> plan", notify.Command{Verb: "plan"}},
		"recover":              {"<@U0SALLY> Recover ghe", notify.Command{Verb: "recover", Args: []string{"ghe"}}},
		"pause":                {"<@U0SALLY> pause", notify.Command{Verb: "pause"}},
		"pause with reason":    {"<@U0SALLY> pause ghe a “long” night", notify.Command{Verb: "pause", Args: []string{"ghe"}, Reason: `a "long" night`}},
		"resume":               {"<@U0SALLY> resume ghe", notify.Command{Verb: "resume", Args: []string{"ghe"}}},
		"unlock":               {"<@U0SALLY> Unlock ghe `C46f-1`.", notify.Command{Verb: "unlock", Args: []string{"ghe", "C46f-1"}}},
		"state push":           {"<@U0SALLY> state push #12", notify.Command{Verb: "state push", Args: []string{"#12"}}},
		"accept":               {"<@U0SALLY> accept infra 1a2b3c4", notify.Command{Verb: "accept", Args: []string{"infra", "1a2b3c4"}}},
		"cancel":               {"<@U0SALLY> cancel #12", notify.Command{Verb: "cancel", Args: []string{"#12"}}},
		"deny a run":           {"<@U0SALLY> deny 12 not now", notify.Command{Verb: "deny", Args: []string{"12", "not", "now"}}},
		"help for a verb":      {"<@U0SALLY> help state push", notify.Command{Verb: "help", Args: []string{"state", "push"}}},
		"state of nothing":     {"<@U0SALLY> state", notify.Command{Args: []string{"state"}}},
		"reason as in a shell": {"<@U0SALLY> pause ghe --reason “a storm”", notify.Command{Verb: "pause", Args: []string{"ghe"}, Reason: "a storm"}},
		"plan with a reason as in a shell": {"<@U0SALLY> plan ghe --destroy --reason it goes", notify.Command{
			Verb: "plan", Args: []string{"ghe"}, Reason: "it goes", Plan: notify.PlanWords{Destroy: true},
		}},
		"pause all with reason": {"<@U0SALLY> pause all a storm", notify.Command{Verb: "pause", Args: []string{"all"}, Reason: "a storm"}},
		"a stack that is none":  {"<@U0SALLY> pause wki", notify.Command{Verb: "pause", Args: []string{"wki"}}},
		"nothing":               {"<@U0SALLY>", notify.Command{}},
		"unknown":               {"<@U0SALLY> make coffee", notify.Command{Args: []string{"make", "coffee"}}},
		"approve":               {"<@U0SALLY> approve", notify.Command{Verb: "approve"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := notify.ParseCommand(tt.in, "U0SALLY")
			if !ok {
				t.Fatal("not a command")
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
	for _, in := range []string{"", "status", "hey <@U0SALLY> status", "<@U0OTHER> status", "<!channel> status", "&lt;@U0SALLY&gt; status"} {
		if c, ok := notify.ParseCommand(in, "U0SALLY"); ok {
			t.Errorf("ParseCommand(%q) = %+v", in, c)
		}
	}
	if _, ok := notify.ParseCommand("<@> status", ""); ok {
		t.Error("a command to nobody")
	}
}
