package agent

import (
	"context"
	"time"
)

// Trim forgets what is old as of now, which a running agent does every hour.
func (a *Agent) Trim(ctx context.Context, now time.Time) error { return a.trim(ctx, now) }
