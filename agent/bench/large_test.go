package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/agenttest"
	"sallyport/agent/control"
	"sallyport/agent/repo/gittest"
	"sallyport/store"
)

// The goals for one root of so many resources, all of which change. Its plan is about 50 MB of JSON.
const (
	largeResources = 10_000
	largePeak      = 120 // MB
	largeShow      = 500 // milliseconds
	largeStatus    = 30  // milliseconds
	largeCard      = 200 // milliseconds
)

// BenchmarkLargePlan is one root of 10,000 resources that all change. Terraform is replaced by a script that says so at once, so that
// memory and time are all the agent's and its programs'.
//
//	peak-MB    the most memory that the agent ever had; rss-MB what it has when all was told
//	show-ms    `sallyport show` as a process; status-ms `sallyport status` likewise
//	card-ms    from when the plan was stored to when Slack has the card
//	plan-cpu-ms the agent's processor time from its start until the card was sent
func BenchmarkLargePlan(b *testing.B) {
	said := func(what, unit string, most float64) *row {
		return begin(b, partHugePlan, "one root of "+commas(largeResources)+" resources: "+what, unit, atMost(most))
	}
	peak, card := said("the agent's peak", "MB", largePeak), said("plan stored to card sent", "ms", largeCard)
	show, status := said("show", "ms", largeShow), said("status", "ms", largeStatus)
	dir := filepath.Dir(costsNothing(b))
	growPlan(b, dir, largeResources)
	r := gittest.NewRepo(b, "", "infra")
	r.Commit("first", map[string]string{"big/main.tf": resource("a", "0") + "terraform {\n  backend \"http\" {}\n}\n"})
	for b.Loop() {
		s := newWorkspace(b)
		i := agenttest.New(b, "")
		i.Configure(s.config() + fmt.Sprintf("terraform {\n  binary = %q\n}\nrepository \"infra\" {\n  url = %q\n  branch = \"main\"\n}\nstack \"big\" {\n  dir = \"big\"\n}\n",
			filepath.Join(dir, "terraform"), "file://"+r.Bare))
		d := newDaemon(b, i)
		binary(b)
		began := time.Now()
		d.start()
		run := d.Reaches("big", store.Planned)
		posted := s.api.wait(b, began, "chat.postMessage")
		d.Eventually("all is told", func(s control.Status) bool { return s.Outbox == 0 })
		b.ReportMetric(ms(d.processorTime()), "plan-cpu-ms")
		against(b, card.is(ms(posted.end.Sub(*run.PlannedAt))).figure, largeCard, "card-ms")
		against(b, d.memory("VmHWM"), largePeak, "peak-MB")
		b.ReportMetric(d.memory("VmRSS"), "rss-MB")
		for _, c := range []struct {
			row  *row
			unit string
			most float64
			args []string
		}{{show, "show-ms", largeShow, []string{"show", "1"}}, {status, "status-ms", largeStatus, []string{"status"}}} {
			var times samples
			for range 5 {
				cmd := d.command(c.args...)
				start := time.Now()
				out, err := cmd.Output()
				times.add(time.Since(start))
				if err != nil || !strings.Contains(string(out), "big") {
					b.Fatalf("sallyport %v: %v\n%s", c.args, err, out)
				}
			}
			against(b, c.row.is(ms(times.median())).figure, c.most, c.unit)
		}
		peak.is(d.memory("VmHWM"))
		d.kill()
	}
	noTime(b)
}

// growPlan makes of what the script says a plan of many resources, each of which changes, with some 5 KB of attributes each.
func growPlan(b *testing.B, dir string, resources int) {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "show.json"))
	must(b, err)
	var plan map[string]any
	must(b, json.Unmarshal(text, &plan))
	var shown strings.Builder
	changes := make([]any, resources)
	for n := range resources {
		before, after := map[string]any{}, map[string]any{}
		for a := range 20 {
			before[fmt.Sprintf("attribute_%d", a)] = strings.Repeat("value ", 17) + fmt.Sprint(n)
			after[fmt.Sprintf("attribute_%d", a)] = before[fmt.Sprintf("attribute_%d", a)]
		}
		after["attribute_7"] = "another"
		address := fmt.Sprintf("module.ghe.aws_instance.node[%d]", n)
		changes[n] = map[string]any{
			"address": address, "module_address": "module.ghe", "mode": "managed", "type": "aws_instance", "name": "node", "index": n,
			"provider_name": "registry.terraform.io/hashicorp/aws",
			"change": map[string]any{
				"actions": []string{"update"}, "before": before, "after": after, "after_unknown": map[string]any{},
				"before_sensitive": map[string]any{}, "after_sensitive": map[string]any{},
			},
		}
		fmt.Fprintf(&shown, "\n  # %s will be updated in-place\n  ~ resource \"aws_instance\" \"node\" {\n      ~ attribute_7 = %q -> \"another\"\n        # (19 unchanged attributes hidden)\n    }\n", address, before["attribute_7"])
	}
	plan["resource_changes"] = changes
	delete(plan, "planned_values")
	text, err = json.Marshal(plan)
	must(b, err)
	if mb := len(text) / 1e6; mb < 45 || mb > 60 {
		b.Fatalf("the plan's JSON has %d MB", mb)
	}
	write(b, filepath.Join(dir, "show.json"), string(text), 0o600)
	write(b, filepath.Join(dir, "show.txt"), shown.String(), 0o600)
}
