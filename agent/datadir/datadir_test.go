package datadir_test

import (
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/datadir"
	"sallyport/store"
)

// TestWhere holds the names that installations and backups have on their disks: another name would lose what lies under this one.
func TestWhere(t *testing.T) {
	long := strings.Repeat("very-long-", 15) + "name"
	const dir = "/var/lib/sallyport"
	open, ended := datadir.PlanText(dir, 12)
	for want, got := range map[string]string{
		"sallyport.db":                   datadir.Store(dir),
		"repos":                          datadir.Mirrors(dir),
		"repos/infra.git":                datadir.Mirror(dir, "infra"),
		"runs":                           datadir.Runs(dir),
		"runs/12":                        datadir.Run(dir, 12),
		"runs/12/plan/plan.txt":          open,
		"runs/12/plan.txt":               ended,
		"runs/.drift-ghe":                datadir.Drift(dir, "ghe"),
		"runs/.drift-*":                  datadir.Drifts(dir),
		"state":                          datadir.States(dir),
		"state/ghe":                      datadir.State(dir, "ghe"),
		"state/" + store.FileName(long):  datadir.State(dir, long),
		"states":                         datadir.AllStateCopies(dir),
		"states/ghe":                     datadir.StateCopies(dir, "ghe"),
		"states/" + store.FileName(long): datadir.StateCopies(dir, long),
		"snapshots":                      datadir.Snapshots(dir),
		"quarantine":                     datadir.Quarantine(dir),
		"cache":                          datadir.Cache(dir),
		"terraform":                      datadir.Terraform(dir),
		"home":                           datadir.Home(dir),
		"scratch":                        datadir.Scratch(dir),
		"uids":                           datadir.UserLocks(dir),
	} {
		if got != filepath.Join(dir, want) {
			t.Errorf("got %s, want %s in %s", got, want, dir)
		}
	}
	if got := datadir.State("", "ghe"); got != "state/ghe" {
		t.Errorf("relative to the data directory it is %s", got)
	}
}
