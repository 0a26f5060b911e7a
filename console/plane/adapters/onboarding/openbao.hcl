# What the plane may do in OpenBao: shut and open the token roles of tools, and end what they gave out. It can widen no
# role: of a role it may write the two lists of what is disallowed and nothing else.

path "auth/token/roles/tool-*" {
  capabilities       = ["read", "update"]
  allowed_parameters = {
    "disallowed_policies"      = []
    "disallowed_policies_glob" = []
  }
}
path "sys/leases/lookup/auth/token/create/tool-*" {
  capabilities = ["list", "sudo"]
}
path "sys/leases/revoke-prefix/auth/token/create/tool-*" {
  capabilities = ["update", "sudo"]
}
path "sys/leases/lookup/database/creds/tool-*" {
  capabilities = ["list", "sudo"]
}
path "sys/leases/revoke-prefix/database/creds/tool-*" {
  capabilities = ["update", "sudo"]
}
