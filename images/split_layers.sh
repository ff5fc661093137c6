#!/bin/sh
# split_layers.sh ENVIRONMENT LAYERS: drop what needs a compiler, and move out what makes layers of its own.
#
#   LAYERS/gpu    opened by name once a GPU is used, by nothing else: compilers of kernels, and cuDNN's engines
#   LAYERS/torch  torch, torchvision and the CUDA libraries that `import torch` is linked to; large, and seldom new
#
# With a lock of torch for processors alone there is none of this but torch itself, which is fine.
set -eu
environment=$1 layers=$2
packages=$(cd "$environment" && echo lib/python3.*/site-packages)
mkdir -p "$layers/gpu" "$layers/torch"
cd "$environment"

# Headers, and libraries to link with: the images have no compiler.
rm -rf "$packages"/torch/include "$packages"/nvidia/*/include
find "$packages" -name '*.a' -delete

move() {
    layer=$1
    shift
    for path in "$@"; do
        [ -e "$path" ] || continue
        mkdir -p "$layer/$(dirname "$path")"
        mv "$path" "$layer/$path"
    done
}
move "$layers/gpu" "$packages"/triton "$packages"/triton-*.dist-info "$packages"/torch/bin/ptxas \
    "$packages"/nvidia/cudnn/lib/libcudnn_*.so* \
    "$packages"/nvidia/cu13/lib/libcusolverMg.so* "$packages"/nvidia/cu13/lib/libnv*.alt.so* \
    "$packages"/nvidia/cu13/lib/libnvperf_*.so* "$packages"/nvidia/nvshmem/lib/libnvshmem_device.bc
move "$layers/torch" "$packages"/nvidia "$packages"/torch "$packages"/torchvision "$packages"/torchvision.libs
