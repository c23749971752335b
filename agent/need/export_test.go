package need

// TerraformFrom is [Terraform] with another site.
var TerraformFrom = terraformFrom
