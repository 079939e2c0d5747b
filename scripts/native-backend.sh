#!/bin/sh
# Builds the native backend of @tensorflow/tfjs-node 4.22.0 where its own download fails (a closed network with mirrors of npm and PyPI):
# the TensorFlow library comes from a wheel of the Python registry, the headers of Node-API from npm, the addon is compiled from the sources in the package.
# Needs: g++, pip, unzip, npm, and @tensorflow/tfjs-node installed without its binary (npm ci --ignore-scripts, or a failed download that left the package).
# Usage: native-backend.sh [directory of @tensorflow/tfjs-node, default node_modules/@tensorflow/tfjs-node]
set -eu
addon=$(cd "${1:-node_modules/@tensorflow/tfjs-node}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 tensorflow-cpu==2.15.1
npm pack --silent node-api-headers@1 >/dev/null
tar xzf node-api-headers-*.tgz
unzip -q tensorflow_cpu-*.whl 'tensorflow/include/tensorflow/c/*' 'tensorflow/include/tensorflow/core/platform/*' 'tensorflow/include/tsl/*' \
  'tensorflow/include/xla/*' 'tensorflow/libtensorflow_cc.so.2' 'tensorflow/libtensorflow_framework.so.2'
mkdir -p "$addon/deps/lib" "$addon/lib/napi-v8"
mv tensorflow/libtensorflow_cc.so.2 tensorflow/libtensorflow_framework.so.2 "$addon/deps/lib/"
g++ -std=c++17 -O2 -fPIC -shared -DNAPI_VERSION=8 -DNODE_GYP_MODULE_NAME=tfjs_binding \
  -I "$addon" -I package/include -I tensorflow/include "$addon/binding/tfjs_backend.cc" "$addon/binding/tfjs_binding.cc" \
  -L "$addon/deps/lib" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 '-Wl,-rpath,$ORIGIN/../../deps/lib' \
  -o "$addon/lib/napi-v8/tfjs_binding.node"
echo "built $addon/lib/napi-v8/tfjs_binding.node"
