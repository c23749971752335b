package among

import (
	"testing"

	"sallyport/agent/standby/claims"
)

// A runner that was halted between its claim and terraform for longer than its lease has been given up, perhaps, and does not start.
func TestAClaimThatIsNotFreshStartsNothing(t *testing.T) {
	t.Parallel()
	var alone *Place
	if err := alone.Doubted(); err != nil {
		t.Errorf("one agent alone: %v", err)
	}
	if err := (&Place{holding: &claims.Holding{}}).Doubted(); err == nil {
		t.Error("a lease that is over is not doubted")
	}
}
