package terraform

import (
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/terraform/planjson"
)

// peak samples the heap until it is stopped.
func peak() (stop func() uint64) {
	var most atomic.Uint64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			if m.HeapAlloc > most.Load() {
				most.Store(m.HeapAlloc)
			}
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-ended
		return most.Load()
	}
}

func TestHugePlan(t *testing.T) {
	need.Long(t, "its plan has tens of megabytes")
	r := newRig(t)
	o := r.options(map[string]string{
		"main.tf": "resource \"terraform_data\" \"a\" {\n count = 24\n input = file(\"blob\")\n}",
		"blob":    strings.Repeat("0123456789", 100_000),
	})
	runtime.GC()
	stop := peak()
	res := r.plan(o)
	most := stop()
	info, err := os.Stat(res.TextFile)
	if err != nil || info.Size() < 20e6 {
		t.Fatalf("the whole text: %v bytes, %v", info.Size(), err)
	}
	if len(res.Text) > planjson.MaxText+100 || !res.Plan.TextTruncated || len(res.Plan.Changes) != 24 {
		t.Errorf("text of %d bytes, truncated %v, %d changes", len(res.Text), res.Plan.TextTruncated, len(res.Plan.Changes))
	}
	if most > 128<<20 {
		t.Errorf("a plan with %d MB of text took %d MB of memory", info.Size()>>20, most>>20)
	}
	t.Logf("%d MB of text, at most %d MB of heap, %.1f s in terraform", info.Size()>>20, most>>20, res.Plan.PlanSeconds)
}
