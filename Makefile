# What `sam build` calls for the function of template.yaml (BuildMethod: makefile), with ARTIFACTS_DIR set.
# To build kitehook for a web server or a command line, see README.md.
#
# From the environment, or behind `make build-KitehookFunction`:
#   LAMBDA_BOOTSTRAP=FILE   an executable that is already built; its ca.pem lies beside it
#   LAMBDA_CA_FILE=FILE     authorities instead of those of lambda/ca-roots.txt
#   LAMBDA_MIRROR=URL       a mirror of Debian's, for the sources of the libraries
#   LAMBDA_TARBALLS=DIR     sources of the libraries instead of Debian's
#   LAMBDA_ARCH=arm64       where it is not what template.yaml says: refused, before anything is built

# SAM builds in a copy of this folder, from wherever it was called.
here := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))

export ARTIFACTS_DIR LAMBDA_BOOTSTRAP LAMBDA_CA_FILE LAMBDA_MIRROR LAMBDA_TARBALLS LAMBDA_ARCH

.PHONY: build-KitehookFunction
build-KitehookFunction:
	@'$(here)script/pack-lambda'
