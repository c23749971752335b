package engine

import (
	"context"

	"sallyport/agent/terraform"
)

// Terraform is what is done on a root module beside its apply, which is a runner's. What its methods promise stands in package
// terraform; package sim plays it.
type Terraform interface {
	Plan(context.Context, terraform.PlanOptions) (*terraform.PlanResult, error)
	Unlock(ctx context.Context, o terraform.PlanOptions, id string) error
	PushState(ctx context.Context, o terraform.PlanOptions, file string) error
}

// processes are terraform's own.
type processes struct{}

func (processes) Plan(ctx context.Context, o terraform.PlanOptions) (*terraform.PlanResult, error) {
	return terraform.Plan(ctx, o)
}

func (processes) Unlock(ctx context.Context, o terraform.PlanOptions, id string) error {
	return terraform.Unlock(ctx, o, id)
}

func (processes) PushState(ctx context.Context, o terraform.PlanOptions, file string) error {
	return terraform.PushState(ctx, o, file)
}

// Terraform is what a person's repair is done with.
func (e *Engines) Terraform() Terraform { return e.tf }
