# What a tool may do with its token: get a database login of its own, which ends when the token does.

path "database/creds/{role}" {
  capabilities = ["read"]
}
