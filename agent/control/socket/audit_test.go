package socket

import (
	"reflect"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/people"
	"sallyport/store"
)

// TestAuditCrosses: question and answer are what they were on the other side, and names are told to whoever asks for them.
func TestAuditCrosses(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 123, time.UTC)
	answer := control.Audit{
		Entries: []control.AuditEntry{{At: at, Run: 7, Stack: "ghe", Event: "decision", By: "slack:U01ABC", Digest: "d", Outcome: "approve", Text: "approve"}},
		Seq:     12, Hash: "abc", End: true, Broken: "entry 3",
	}
	var asked control.AuditQuery
	f := &fake{audit: func(q control.AuditQuery) (control.Audit, error) { asked = q; return answer, nil }}
	client, _ := served(t, f, func(o *ServerOptions) { o.Names = people.Known(map[string]string{"slack:U01ABC": "jane"}) })
	for name, q := range map[string]control.AuditQuery{
		"all":     {},
		"a part":  {Stack: "services/ghe & co", Since: at, Until: at.Add(time.Hour), After: store.HistoryMark{Seq: 5, Hash: "ff"}},
		"by name": {Names: true},
	} {
		have, err := client.Audit(t.Context(), q)
		want := answer
		if q.Names {
			want.People = map[string]string{"slack:U01ABC": "jane"}
		}
		if err != nil || !reflect.DeepEqual(asked, q) || !reflect.DeepEqual(have, want) {
			t.Errorf("%s: asked %+v, answered %+v, %v", name, asked, have, err)
		}
	}
}

// TestAroundCrosses: what is around a run is what it was on the other side, and its people have names.
func TestAroundCrosses(t *testing.T) {
	answer := control.Around{
		Label: "PROD", Ordered: true, More: 3, Stacks: []control.Neighbour{{Stack: "ghe", Label: "PROD", Run: 7, Status: store.Planned, After: []string{"net"}}},
		Events: []control.AuditEntry{{At: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), Run: 7, Event: "decision", By: "slack:U01ABC", Outcome: "approve"}},
	}
	client, _ := served(t, &fake{around: answer}, func(o *ServerOptions) { o.Names = people.Known(map[string]string{"slack:U01ABC": "jane"}) })
	have, err := client.Around(t.Context(), "services/ghe & co")
	want := answer
	want.People = map[string]string{"slack:U01ABC": "jane"}
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("answered %+v, %v", have, err)
	}
}
