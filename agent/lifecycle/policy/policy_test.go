package policy_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle/policy"
	"sallyport/store"
)

func recreated(address string) store.Change {
	return store.Change{Address: address, Actions: []string{"create"}, Class: store.ClassRecreate, Type: strings.Split(address, ".")[0]}
}

func changed(address string, actions ...string) store.Change {
	return store.Change{Address: address, Actions: actions, Class: store.ClassConfig, Type: strings.Split(address, ".")[0]}
}

func following(c store.Change) store.Change {
	c.Follows = []string{"aws_instance.ghe"}
	return c
}

func protectedOne(c store.Change) store.Change {
	c.Protected = true
	return c
}

func unknownOne(c store.Change) store.Change {
	c.Unknown = true
	return c
}

// quiet is the usual night: nothing speaks against bringing back what disappeared.
func quiet(changes ...store.Change) policy.Situation {
	return policy.Situation{
		Kind: store.KindDrift, AtApplied: true, SameInputs: true, SameTools: true,
		Plan: &store.Plan{Changes: changes, Outputs: []store.Output{}},
	}
}

func TestPolicies(t *testing.T) {
	node := recreated("aws_instance.ghe")
	attach := recreated("aws_volume_attachment.ghe")
	replaced := following(changed("aws_volume_attachment.ghe", "delete", "create"))
	record := following(changed("aws_route53_record.ghe", "update"))
	but := func(change func(*policy.Situation), changes ...store.Change) policy.Situation {
		now := quiet(changes...)
		change(&now)
		return now
	}
	outputs := func(later ...bool) func(*policy.Situation) {
		return func(now *policy.Situation) {
			for _, l := range later {
				now.Plan.Outputs = append(now.Plan.Outputs, store.Output{Name: "ip", Actions: []string{"update"}, Later: l})
			}
		}
	}
	for _, c := range []struct {
		name   string
		policy config.Policy
		now    policy.Situation
		asks   string // a part of why; empty: it applies by itself
	}{
		{"a node came off", "recreate", quiet(node), ""},
		{"a node and its attachment", "recreate", quiet(node, attach), ""},
		{"an update that follows", "recreate", quiet(node, record), ""},
		{"an output that follows", "recreate", but(outputs(true), node), ""},
		{"an output that does not", "recreate", but(outputs(true, false), node), "output ip"},
		{"an update without a cause", "recreate", quiet(node, changed("aws_route53_record.ghe", "update")), "aws_route53_record.ghe changes"},
		{"something new", "recreate", quiet(node, changed("aws_s3_bucket.new", "create")), "aws_s3_bucket.new changes"},
		{"changed outside", "recreate", quiet(node, store.Change{Address: "aws_security_group.s", Actions: []string{"update"}, Class: store.ClassDrift}), "aws_security_group.s changes"},
		{"something destroyed", "recreate", quiet(node, changed("aws_instance.old", "delete")), "aws_instance.old is destroyed"},
		{"something forgotten", "recreate", quiet(node, changed("aws_instance.old", "forget")), "aws_instance.old is destroyed"},
		{"something imported", "recreate", quiet(node, changed("aws_instance.old", "import")), "aws_instance.old changes"},
		{"something moved", "recreate", quiet(node, changed("aws_instance.old", "no-op")), "aws_instance.old changes"},
		{"a deposed object that vanished and is destroyed", "recreate", quiet(node, store.Change{Address: "x.y", Actions: []string{"delete"}, Class: store.ClassRecreate}), "x.y is destroyed"},
		{"an association that is named", "recreate", quiet(node, replaced), ""},
		{"an association that is named, without a cause", "recreate", quiet(node, changed("aws_volume_attachment.ghe", "delete", "create")), "is destroyed"},
		{"an association that is not named", "recreate", quiet(node, following(changed("aws_eip_association.ghe", "delete", "create"))), "aws_eip_association.ghe is destroyed"},
		{"an association beside an update that follows", "recreate", quiet(node, replaced, record), "in a plan that also destroys"},
		{"a volume came off", "recreate", quiet(node, protectedOne(recreated("aws_ebs_volume.ghe"))), "aws_ebs_volume.ghe is protected"},
		{"only a volume", "recreate", quiet(protectedOne(recreated("aws_ebs_volume.ghe"))), "is protected"},
		{"nothing disappeared", "recreate", but(outputs(true)), "nothing disappeared"},
		{"another commit", "recreate", but(func(n *policy.Situation) { n.AtApplied = false }, node), "another commit"},
		{"other variables", "recreate", but(func(n *policy.Situation) { n.SameInputs = false }, node), "variables"},
		{"another terraform", "recreate", but(func(n *policy.Situation) { n.SameTools = false }, node), "terraform or a provider"},
		{"asked for by recover", "recreate", but(func(n *policy.Situation) { n.Kind = store.KindManual }, node), ""},
		{"a part of another commit was applied since", "always", but(func(n *policy.Situation) { n.LeftOut = 12 }, node), "#12 applied a part of another commit since"},
		{"a plan with options", "recreate", but(func(n *policy.Situation) { n.Special = true }, node), "options"},
		{"a recovery", "recreate", but(func(n *policy.Situation) { n.Kind = store.KindRecovery }, node), "takes over"},
		{"after an interrupted run", "recreate", but(func(n *policy.Situation) { n.Interrupted = 7 }, node), "#7 was interrupted"},
		{"a rewritten history", "recreate", but(func(n *policy.Situation) { n.Rewritten = true }, node), "rewritten"},
		{"paused", "recreate", but(func(n *policy.Situation) { n.Paused = true }, node), "paused"},
		{"twice today", "recreate", but(func(n *policy.Situation) { n.Today = 2 }, node), ""},
		{"three times today", "recreate", but(func(n *policy.Situation) { n.Today = 3 }, node), "3 of 3 applies"},
		{"the state is gone", "always", but(func(n *policy.Situation) { n.StateLost = true }, node), "no state"},

		{"no_destroy: new and changed", "no_destroy", but(func(n *policy.Situation) { n.AtApplied, n.SameInputs, n.Kind = false, false, store.KindCommit }, changed("a.b", "create"), changed("a.c", "update"), node), ""},
		{"no_destroy: outputs only", "no_destroy", but(outputs(false)), ""},
		{"no_destroy: a replacement", "no_destroy", quiet(changed("a.b", "create", "delete")), "a.b is destroyed"},
		{"no_destroy: forgotten", "no_destroy", quiet(changed("a.b", "forget")), "a.b is destroyed"},
		{"no_destroy: a protected update", "no_destroy", quiet(protectedOne(changed("a.b", "update"))), "protected"},
		{"always: destroyed", "always", quiet(changed("a.b", "delete")), ""},
		{"always: protected and destroyed", "always", quiet(protectedOne(changed("a.b", "delete"))), "protected"},
		{"always: a hook warns", "always", but(func(n *policy.Situation) { n.Warned = true }, changed("a.b", "create")), "a hook warns of this plan"},
		{"always: a recovery", "always", but(func(n *policy.Situation) { n.Kind = store.KindRecovery }, node), "takes over"},
		{"always: a preview", "always", but(func(n *policy.Situation) { n.Kind = store.KindPullRequest }, node), "preview"},
		{"always: nothing", "always", but(func(n *policy.Situation) { n.Plan.Empty = true }), "nothing to apply"},
		{"always: something unknown", "always", quiet(unknownOne(changed("a.b", "burn"))), "does not know: a.b (burn)"},
		{"no_destroy: something unknown", "no_destroy", quiet(node, unknownOne(changed("plan.rockets", "unknown"))), "does not know: plan.rockets"},
		{"recreate: something unknown", "recreate", quiet(node, unknownOne(changed("plan.rockets", "unknown"))), "does not know: plan.rockets"},
		{"always: an action is invoked", "always", quiet(changed("action.a.b", "invoke")), ""},
		{"always: a protected action is invoked", "always", quiet(protectedOne(changed("action.a.b", "invoke"))), "protected"},
		{"no_destroy: an action is invoked", "no_destroy", quiet(node, changed("action.a.b", "invoke")), "action.a.b is invoked"},
		{"recreate: an action is invoked", "recreate", quiet(node, changed("action.a.b", "invoke")), "action.a.b is invoked"},
		{"recreate: a part is left to another plan", "recreate", but(func(n *policy.Situation) { n.Plan.Deferred = []store.Deferred{{Address: "a.b"}} }, node), "to another plan"},
		{"recreate: a check fails, as it does while a node is gone", "recreate", but(func(n *policy.Situation) { n.Plan.Checks = []store.FailedCheck{{Address: "check.up"}} }, node), ""},
		{"never", "", quiet(node), "never"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &config.Stack{AutoApply: c.policy, AutoApplyLimit: 3, RecreateAlso: []string{"aws_volume_attachment"}}
			got := policy.AutoApplyRefusal(s, c.now)
			if got == "" != (c.asks == "") || !strings.Contains(got, c.asks) {
				t.Errorf("%q, want %q in it", got, c.asks)
			}
		})
	}
}

// Whatever the plan and the night: what a policy must never pass, it never passes, and each policy passes no more than the
// one that is more daring.
func TestPolicyProperties(t *testing.T) {
	changes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) store.Change {
		c := store.Change{
			Type:      rapid.SampledFrom([]string{"node", "link", "disk"}).Draw(t, "type"),
			Actions:   rapid.SampledFrom([][]string{{"create"}, {"update"}, {"delete"}, {"delete", "create"}, {"create", "delete"}, {"forget"}, {"import"}, {"no-op"}}).Draw(t, "actions"),
			Class:     rapid.SampledFrom([]store.Class{store.ClassConfig, store.ClassDrift, store.ClassRecreate}).Draw(t, "class"),
			Protected: rapid.IntRange(0, 9).Draw(t, "protected") == 0,
		}
		if rapid.Bool().Draw(t, "follows") {
			c.Follows = []string{"node.a"}
		}
		c.Address = c.Type + ".a"
		return c
	}), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		usually := func(name string) bool { return rapid.IntRange(0, 9).Draw(t, name) > 0 }
		now := quiet(changes.Draw(t, "changes")...)
		now.Kind = rapid.SampledFrom([]store.Kind{store.KindCommit, store.KindManual, store.KindDrift, store.KindRecovery, store.KindDependency}).Draw(t, "kind")
		now.AtApplied, now.SameInputs, now.SameTools = usually("applied"), usually("inputs"), usually("tools")
		now.Rewritten, now.Paused, now.Special = !usually("rewritten"), !usually("paused"), !usually("special")
		now.Today = rapid.IntRange(0, 4).Draw(t, "today")
		if !usually("interrupted") {
			now.Interrupted = 3
		}
		asks := map[config.Policy]bool{}
		for _, chosen := range []config.Policy{config.PolicyNever, config.PolicyRecreate, config.PolicyNoDestroy, config.PolicyAlways} {
			asks[chosen] = policy.AutoApplyRefusal(&config.Stack{AutoApply: chosen, AutoApplyLimit: 3, RecreateAlso: []string{"link"}}, now) != ""
		}
		protected := slices.ContainsFunc(now.Plan.Changes, func(c store.Change) bool { return c.Protected })
		never := protected || now.Rewritten || now.Paused || now.Special || now.Interrupted != 0 || now.Today >= 3 || now.Kind == store.KindRecovery
		if never != asks[config.PolicyAlways] || !asks[config.PolicyNever] {
			t.Fatalf("always asks: %v, never asks: %v", asks[config.PolicyAlways], asks[config.PolicyNever])
		}
		if asks[config.PolicyAlways] && (!asks[config.PolicyNoDestroy] || !asks[config.PolicyRecreate]) {
			t.Fatal("a careful policy applies what the daring one leaves to people")
		}
		if !asks[config.PolicyNoDestroy] && now.Plan.Destroys() {
			t.Fatal("no_destroy destroys")
		}
		if asks[config.PolicyRecreate] {
			return
		}
		if !now.AtApplied || !now.SameInputs || !now.SameTools {
			t.Fatal("recreate applies what is not applied already")
		}
		gone := 0
		for _, c := range now.Plan.Changes {
			if c.Class == store.ClassRecreate {
				gone++
			}
			if c.Destroys() && (c.Type != "link" || len(c.Follows) == 0) || c.Forgets() || c.Class != store.ClassRecreate && len(c.Follows) == 0 {
				t.Fatalf("recreate applies %+v", c)
			}
		}
		if gone == 0 {
			t.Fatal("recreate applies although nothing disappeared")
		}
	})
}
