# The project, image, issuer and URLs are examples.
project_id               = "example-prod"
region                   = "europe-west1"
firestore_location       = "eur3"
image                    = "europe-west1-docker.pkg.dev/example-prod/tool-gateway/tool-gateway:first"
public_url               = "https://tools.example.com"
oidc_issuer              = "https://id.example.com"
audit_digest_key_secret  = "audit-digest-key"
audit_signing_key_secret = "audit-signing-key"
state_key_secret         = "state-key"
audit_retention_days     = 365
scaling                  = { min = 2, max = 20 }
resources                = { cpu = "2", memory = "2Gi" }
deletion_protection      = true
