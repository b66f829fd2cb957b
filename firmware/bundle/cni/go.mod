module kutties.invalid/cni

go 1.26.0

require github.com/containernetworking/plugins v1.9.1

require github.com/containernetworking/cni v1.3.0 // indirect
