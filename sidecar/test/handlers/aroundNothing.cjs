module.exports = [...require("./common.cjs")]
module.exports.middleware = ["log"]
