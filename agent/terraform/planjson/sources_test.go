package planjson

import (
	"fmt"
	"strings"
	"testing"
)

// Of a protected object that is made it is known where the configuration says that its data comes from: nothing that only sounds like
// it, nothing that a provider fills in, and never a value.
func TestSources(t *testing.T) {
	plan := func(actions, after, unknown, expressions string) string {
		return fmt.Sprintf(`{"resource_changes":[{"address":"module.m[\"k\"].v.data[0]","mode":"managed","type":"v","name":"data","change":`+
			`{"actions":[%s],"before":null,"after":{%s},"after_unknown":{%s}}}],"configuration":{"root_module":{"module_calls":{"m":{"module":`+
			`{"resources":[{"address":"v.data","expressions":{%s}}]}}}}}}`, actions, after, unknown, expressions)
	}
	const create = `"create"`
	for name, tt := range map[string]struct{ plan, want string }{
		"nothing":                         {plan(create, `"size":10`, ``, ``), ""},
		"a snapshot":                      {plan(create, `"size":10,"snapshot_id":"snap-hunter2"`, ``, ``), "snapshot_id"},
		"a snapshot of what is replaced":  {plan(`"delete","create"`, `"snapshot_id":"snap-hunter2"`, ``, ``), "snapshot_id"},
		"an empty one":                    {plan(create, `"snapshot_id":""`, ``, ``), ""},
		"none":                            {plan(create, `"snapshot_id":null`, ``, ``), ""},
		"a nested block":                  {plan(create, `"restore_to_point_in_time":[{"use_latest_restorable_time":true}]`, ``, ``), "restore_to_point_in_time"},
		"no nested block":                 {plan(create, `"clone":[]`, `"clone":[]`, ``), ""},
		"the provider fills it in":        {plan(create, `"size":10`, `"snapshot_id":true`, `"size":{"constant_value":10}`), ""},
		"known after the apply":           {plan(create, `"size":10`, `"snapshot_id":true`, `"snapshot_id":{"references":["v_snapshot.s.id","v_snapshot.s"]}`), "snapshot_id"},
		"what only sounds like it":        {plan(create, `"final_snapshot":true,"snapshot_window":"04:00","source_dest_check":true`, ``, ``), ""},
		"two":                             {plan(create, `"backup_id":"b","source":"s"`, ``, ``), "backup_id source"},
		"what is changed is not made new": {plan(`"update"`, `"snapshot_id":"snap-hunter2"`, ``, ``), ""},
		"no configuration": {strings.Replace(plan(create, `"size":10`, `"snapshot_id":true`, `"snapshot_id":{"references":["v_snapshot.s"]}`),
			`"address":"v.data"`, `"address":"v.other"`, 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse(strings.NewReader(tt.plan))
			if err != nil {
				t.Fatal(err)
			}
			out := p.Summary([]string{"v.*"}, nil)
			if len(out.Changes) != 1 {
				t.Fatalf("%+v", out.Changes)
			}
			if got := strings.Join(out.Changes[0].Sources, " "); got != tt.want || strings.Contains(fmt.Sprintf("%+v", out), "hunter") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if free := p.Summary(nil, nil); len(free.Changes[0].Sources) != 0 {
				t.Errorf("of what is not protected: %q", free.Changes[0].Sources)
			}
		})
	}
}
